import { usePlimsoll } from "../../chain/context";
import type { History } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { formatCompact, notional, sum } from "../../lib/fixed";
import { scoreOf } from "../../lib/grid";
import { Panel } from "../parts";

interface Tank {
  name: string;
  hint: string;
  left: bigint;
  full: bigint;
  /** What the tank holds, in words. */
  holds: string;
  done: string;
  tone: string;
  testId: string;
}

/** What winners hold that ADL could close now, at the index price. */
function inProfit(venue: Venue, history: History, decimals: number): { cash: bigint; of: bigint } {
  let cash = 0n;
  let of = 0n;
  for (const { info, view } of venue.markets) {
    if (view === null) continue;
    for (const bucket of history.of(info.address).buckets.live.values()) {
      const worth = notional(bucket.units, view.index_price, decimals);
      of += worth;
      if (scoreOf(bucket.id, view.index_price, view.funding_index) > 0n) cash += worth;
    }
  }
  return { cash, of };
}

/** A tank of the insurance fund: full is what it would hold had it paid nothing. */
const fundLayer = (left: bigint, paid: bigint, usd: (cash: bigint) => string) => ({
  left,
  full: left + paid,
  holds: "left",
  done: `${usd(paid)} paid so far`,
  tone: "calm",
});

function tanksOf(venue: Venue, history: History, usd: (cash: bigint) => string, decimals: number): Tank[] {
  const paid = venue.markets.map(({ info }) => history.of(info.address).waterfall);
  const budget = sum(venue.markets.map(({ view }) => view?.budget_left ?? 0n));
  const winners = inProfit(venue, history, decimals);
  const [skin, insurance, adl, vault] = (["skin", "insurance", "adl", "vault"] as const).map((layer) =>
    sum(paid.map((sums) => sums[layer])),
  ) as [bigint, bigint, bigint, bigint];
  const worth = venue.vaultWorth ?? 0n;
  return [
    {
      name: "The vault's room",
      hint: "Takes liquidated positions over at a fair price or better while its loss budget covers a shock. It never buys at a loss here.",
      left: budget,
      full: sum(venue.markets.map(({ params }) => params.loss_budget)),
      holds: "of its loss budgets left",
      done: "refills within a day",
      tone: "calm",
      testId: "tank-room",
    },
    {
      name: "Skin in the game",
      hint: "The protocol's own stake pays first for a loss beyond margin.",
      ...fundLayer(venue.skinInTheGame, skin, usd),
      testId: "tank-skin",
    },
    {
      name: "Insurance",
      hint: "The stakers' layer pays second, up to a daily cap for each market.",
      ...fundLayer(venue.insurance, insurance, usd),
      testId: "tank-insurance",
    },
    {
      name: "Winners (ADL)",
      hint: "Positions in profit are closed at the index price, best score first; for an uncovered loss they give up profit, never margin.",
      left: winners.cash,
      full: winners.of,
      holds: "in profit, of all open positions",
      done: `${usd(adl)} of profit given up so far`,
      tone: "warm",
      testId: "tank-adl",
    },
    {
      name: "The vault, last",
      hint: "Takes what no winner is left to bear, with the loss.",
      left: worth,
      full: worth + vault,
      holds: venue.vaultWorth === null ? "not valued now" : "worth now",
      done: `${usd(vault)} of losses borne so far`,
      tone: "hot",
      testId: "tank-vault",
    },
  ];
}

/** Who pays when a loser cannot, in order, and how much of each is left. */
export function Waterfall({ venue, history }: { venue: Venue; history: History }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const usd = (cash: bigint) => `$${formatCompact(cash, decimals)}`;
  const tanks = tanksOf(venue, history, usd, decimals);
  const settling = venue.markets.filter(({ view }) => view?.is_settling === true).map(({ info }) => info.symbol);
  const loss = sum(venue.markets.map(({ info }) => history.of(info.address).waterfall.loss));
  return (
    <Panel
      title="The waterfall"
      aside={
        <span className="hint">
          Losses beyond margin so far: <b data-testid="loss-total">{usd(loss)}</b>
        </span>
      }
    >
      <ol className="tanks">
        {tanks.map((tank) => (
          <li key={tank.name} className={tank.tone} title={tank.hint}>
            <div className="tank" aria-hidden="true">
              <i style={{ height: `${tank.full === 0n ? 0 : Number((tank.left * 1000n) / tank.full) / 10}%` }} />
            </div>
            <b>{tank.name}</b>
            <span data-testid={tank.testId}>
              {usd(tank.left)} {tank.holds}
            </span>
            <small>{tank.done}</small>
          </li>
        ))}
        <li
          className={settling.length > 0 ? "hot is-open" : "hot"}
          title="Every exit is paid the same share of its equity."
        >
          <div className="tank" aria-hidden="true">
            <i style={{ height: settling.length > 0 ? "100%" : "0" }} />
          </div>
          <b>Settlement</b>
          <span>{settling.length > 0 ? settling.join(", ") : "not reached"}</span>
          <small>only if the vault cannot pay</small>
        </li>
      </ol>
    </Panel>
  );
}
