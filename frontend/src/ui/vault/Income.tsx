import { useVaultFlows, type Capital, type VaultFlows } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import { useHistory, type History } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { formatCash, sum } from "../../lib/fixed";
import { SOURCES, type Income as Sums, type Source } from "../../lib/history/income";
import { Panel } from "../parts";

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
    hint: "Paid by those who unbalanced the market, less what those got who brought it back",
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
  unpaidExits: { label: "Exits not paid in full", hint: "From a market that has settled", isRare: true },
};

interface Line {
  id: string;
  label: string;
  hint: string;
  /** One for each market, in the order of the deployment; none where it has no market. */
  markets: (bigint | undefined)[];
  all: bigint | undefined;
}

const sumOf = (values: readonly (bigint | undefined)[]): bigint | undefined =>
  values.some((value) => value === undefined) ? undefined : sum(values as bigint[]);

/** By market, at the newest price. Undefined for a market that cannot be valued. */
function earnedBy(venue: Venue, history: History, flows: VaultFlows): (Sums | undefined)[] {
  return venue.markets.map(({ info, view }) => {
    if (view === null || !history.isRead) return undefined;
    const toppedUp = flows.toppedUp.get(info.address.toLowerCase()) ?? 0n;
    const now = { price: view.index_price, fundingIndex: view.funding_index, toppedUp };
    return history.of(info.address).income.earned(now);
  });
}

/** Kept back for each market: below zero. */
function reservesOf(capital: Capital, venue: Venue): (bigint | undefined)[] {
  return venue.markets.map(({ info }) => {
    const mandate = capital.mandates.find(({ market }) => market.toLowerCase() === info.address.toLowerCase());
    return mandate && -mandate.skew_reserve;
  });
}

function totalOf(book: Sums | undefined, reserve: bigint | undefined): bigint | undefined {
  return book && reserve !== undefined ? sum(SOURCES.map((source) => book[source])) + reserve : undefined;
}

/** The sources, what is kept back, and what is left between them and the vault's worth. */
function linesOf(capital: Capital, venue: Venue, flows: VaultFlows, books: (Sums | undefined)[]): Line[] {
  const lines: Line[] = SOURCES.map((source) => {
    const markets = books.map((book) => book?.[source]);
    return { id: source, ...TOLD[source], markets, all: sumOf(markets) };
  });
  const reserves = reservesOf(capital, venue);
  lines.push({
    id: "reserve",
    label: "Skew reserve kept back",
    hint: "What the vault would pay back if the skew closed at this price",
    markets: reserves,
    all: sumOf(reserves),
  });
  if (flows.donated > 0n)
    lines.push({ id: "donated", label: "Gifts", hint: "For no shares", markets: [], all: flows.donated });
  const earned = capital.vault === null ? undefined : capital.vault.worth + flows.takenOut - flows.paidIn;
  const told = sumOf(lines.map(({ all }) => all));
  lines.push(
    {
      id: "rounding",
      label: "Rounding",
      hint: "What the events do not explain of the vault's worth: fractions of a cent, and for a moment what one of the two was asked for before the other",
      markets: [],
      all: earned === undefined || told === undefined ? undefined : earned - told,
    },
    {
      id: "earned",
      label: "Earned in all",
      hint: "Worth, with what was taken out, less what was paid in",
      markets: books.map((book, i) => totalOf(book, reserves[i])),
      all: earned,
    },
  );
  return lines;
}

const isShown = ({ id, all }: Line): boolean => TOLD[id as Source]?.isRare !== true || (all ?? 0n) !== 0n;

/** All that the vault has earned, by source and market: from events, and held to what the contracts say it is worth. */
export function Income({ capital, venue }: { capital: Capital; venue: Venue }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const history = useHistory();
  const flows = useVaultFlows();
  const lines = linesOf(capital, venue, flows, earnedBy(venue, history, flows)).filter(isShown);
  const cash = (value: bigint | undefined) => (value === undefined ? "–" : formatCash(value, decimals, { sign: true }));
  return (
    <Panel title="Income by source" aside={<span className="hint">{symbol}, since the vault began</span>}>
      <div className="scroll">
        <table className="income">
          <thead>
            <tr>
              <th scope="col">Source</th>
              {venue.markets.map(({ info }) => (
                <th key={info.symbol} scope="col" className="of-market">
                  {info.symbol}
                </th>
              ))}
              <th scope="col">All</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ id, label, hint, markets, all }) => (
              <tr key={id} title={hint} className={id === "earned" ? "total" : ""}>
                <th scope="row">{label}</th>
                {venue.markets.map(({ info }, i) => (
                  <td key={info.symbol} className="of-market" data-testid={`income-${id}-${info.symbol}`}>
                    {i < markets.length && cash(markets[i])}
                  </td>
                ))}
                <td data-testid={`income-${id}`}>{cash(all)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
