import { useVaultFlows, type Capital, type VaultFlows } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import { useHistory, type History } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { formatCash, sum } from "../../lib/fixed";
import { SOURCES, type Income as Sums, type Source } from "../../lib/history/income";
import { Panel, Row } from "../parts";

interface Told {
  label: string;
  hint: string;
  /** Shown only once there was some. */
  isRare?: boolean;
}

const TOLD: Record<Source, Told> = {
  fees: { label: "Trading fees", hint: "The vault's share" },
  premium: {
    label: "Price of the skew",
    hint: "Paid by those who unbalanced the markets, less what those got who brought them back",
  },
  price: { label: "Price moves", hint: "Of the position that the vault holds against the traders" },
  funding: { label: "Funding", hint: "Of that position" },
  liquidationSpread: {
    label: "Positions taken over",
    hint: "Liquidated positions that the vault took over at a better or worse price than the index",
  },
  penalties: { label: "Liquidation penalties", hint: "The vault's share" },
  lastResort: { label: "Losses as last resort", hint: "Losses beyond margin that nobody else was left to bear" },
  rewards: {
    label: "Keepers' rewards",
    hint: "What neither penalties nor the fund's reserve paid of them",
    isRare: true,
  },
  unpaidExits: { label: "Exits not paid in full", hint: "From markets that have settled", isRare: true },
};

/** Of all markets together, at the newest prices. Undefined while a market cannot be valued. */
function earnedBy(venue: Venue, history: History, flows: VaultFlows): Sums | undefined {
  const books: Sums[] = [];
  for (const { info, view } of venue.markets) {
    if (view === null) return undefined;
    const toppedUp = flows.toppedUp.get(info.address.toLowerCase()) ?? 0n;
    const now = { price: view.index_price, fundingIndex: view.funding_index, toppedUp };
    books.push(history.of(info.address).income.earned(now));
  }
  return Object.fromEntries(SOURCES.map((source) => [source, sum(books.map((book) => book[source]))])) as Sums;
}

/** All that the vault has earned, by source: from events, and held to its worth less what was paid in, plus what was taken out. */
export function Income({ capital, venue }: { capital: Capital; venue: Venue }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const history = useHistory();
  const flows = useVaultFlows();
  const sources = history.isRead ? earnedBy(venue, history, flows) : undefined;
  const { vault, mandates } = capital;
  const reserve = -sum(mandates.map((mandate) => mandate.skew_reserve));
  const earned = vault === null ? undefined : vault.worth + flows.takenOut - flows.paidIn;
  const told = sources && sum(SOURCES.map((source) => sources[source])) + flows.donated + reserve;
  const cash = (value: bigint | undefined) =>
    value === undefined ? "–" : `${formatCash(value, decimals, { sign: true })} ${symbol}`;
  return (
    <Panel title="Income by source" aside={<span className="hint">since the vault began</span>}>
      <dl className="rows">
        {SOURCES.filter((source) => !TOLD[source].isRare || (sources?.[source] ?? 0n) !== 0n).map((source) => (
          <Row
            key={source}
            label={TOLD[source].label}
            value={cash(sources?.[source])}
            hint={TOLD[source].hint}
            testId={`income-${source}`}
          />
        ))}
        {flows.donated > 0n && <Row label="Gifts" value={cash(flows.donated)} testId="income-donated" />}
        <Row
          label="Skew reserve kept back"
          value={cash(reserve)}
          hint="What the vault would pay back if the skew closed at this price"
          testId="income-reserve"
        />
        <Row
          label="Rounding"
          value={cash(earned === undefined || told === undefined ? undefined : earned - told)}
          hint="What the events do not explain of the vault's worth: fractions of a cent, and for a moment what one of the two was asked for before the other"
          testId="income-rounding"
        />
        <Row
          label="Earned in all"
          value={<b>{cash(earned)}</b>}
          hint="Worth, with what was taken out, less what was paid in"
          testId="vault-earned"
        />
      </dl>
    </Panel>
  );
}
