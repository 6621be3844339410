import { useVaultFlows, type Capital } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import { useHistory } from "../../chain/history";
import { formatCash, sum } from "../../lib/fixed";
import { Panel, Row } from "../parts";

/** All that the vault has earned, by source; it adds up to its worth less what was paid in, plus what was taken out. */
export function Income({ capital }: { capital: Capital }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const history = useHistory();
  const { paidIn, takenOut } = useVaultFlows();
  const books = deployment.markets.map(({ address }) => history.of(address).income.sums);
  const [fees, premium, penalties, lastResort] = (["fees", "premium", "penalties", "lastResort"] as const).map(
    (source) => sum(books.map((book) => book[source])),
  ) as [bigint, bigint, bigint, bigint];
  const earned = capital.vault === null ? undefined : capital.vault.worth + takenOut - paidIn;
  const told = fees + premium + penalties + lastResort;
  const cash = (value: bigint | undefined) =>
    value === undefined ? "–" : `${formatCash(value, decimals, { sign: true })} ${symbol}`;
  return (
    <Panel title="Income by source">
      <dl className="rows">
        <Row label="Trading fees" value={cash(fees)} hint="The vault's share" />
        <Row
          label="Price of the skew"
          value={cash(premium)}
          hint="Paid by those who unbalanced the markets, less what those got who brought them back"
        />
        <Row label="Liquidation penalties" value={cash(penalties)} hint="The vault's share" />
        <Row
          label="Position held"
          value={cash(earned === undefined ? undefined : earned - told)}
          hint="All else: price moves and funding of the position the vault holds against the traders, what it paid less for positions it took over, and the skew reserve it keeps back"
        />
        <Row label="Losses as last resort" value={cash(lastResort)} />
        <Row label="Earned in all" value={<b>{cash(earned)}</b>} testId="vault-earned" />
      </dl>
    </Panel>
  );
}
