/** An account's history as rows, for the table and for a CSV file. */
import { abs, formatDecimal } from "../fixed";
import type { Story } from "./holdings";

export interface HistoryRow {
  time: bigint;
  block: bigint;
  logIndex: number;
  transaction: `0x${string}`;
  market: string;
  kind:
    | "buy"
    | "sell"
    | "margin added"
    | "margin removed"
    | "collected"
    | "liquidated"
    | "deleveraged"
    | "deposit"
    | "withdrawal";
  units: bigint;
  price: bigint;
  fee: bigint;
  /** Profit or loss of what was closed, after fee and premium. Null if the events do not tell. */
  realised: bigint | null;
  /** To (+) or from (-) the free balance. */
  cash: bigint;
  /** What a liquidation or ADL pays. It reaches the free balance with the next trade or collection. */
  paid: bigint;
  claim: bigint;
}

const NOTHING = { units: 0n, price: 0n, fee: 0n, realised: 0n, cash: 0n, paid: 0n, claim: 0n };

export function rowsOf(market: string, story: Story): HistoryRow[] {
  const rows: HistoryRow[] = [];
  for (const { eventName, args, ...place } of story.own) {
    const at = { ...NOTHING, ...place, market };
    if (eventName === "Traded") {
      const { units_delta, fill_price, fee, realised, paid_out, margin } = args;
      const kind = units_delta > 0n ? "buy" : "sell";
      rows.push({ ...at, kind, units: abs(units_delta), price: fill_price, fee, realised, cash: paid_out - margin });
    } else if (eventName === "MarginChanged") {
      const kind = args.margin_delta > 0n ? "margin added" : "margin removed";
      rows.push({ ...at, kind, cash: -args.margin_delta });
    } else {
      rows.push({ ...at, kind: "collected", cash: args.cash, claim: args.claim });
    }
  }
  for (const { event, units, fee, realised, paid, claim } of story.hits) {
    const { block, logIndex, transaction, time } = event;
    const at = { ...NOTHING, block, logIndex, transaction, time, market, units, fee, realised, paid, claim };
    if (event.eventName === "Liquidated") rows.push({ ...at, kind: "liquidated", price: event.args.fill_price });
    else rows.push({ ...at, kind: "deleveraged", price: event.args.index_price });
  }
  return rows;
}

/** Newest first, in the order of the chain. */
export function newestFirst(rows: readonly HistoryRow[]): HistoryRow[] {
  return rows.toSorted((a, b) => (a.block === b.block ? b.logIndex - a.logIndex : a.block < b.block ? 1 : -1));
}

const HEAD = "time_utc,block,transaction,market,kind,units,price_usd,fee,realised,cash,paid,recover";

const plain = (value: bigint, places: number) => formatDecimal(value, places, { group: false, trim: true });

/** Full precision, a point for decimals, no thousands separators. */
export function toCsv(rows: readonly HistoryRow[], decimals: number): string {
  const lines = rows.map((row) =>
    [
      new Date(Number(row.time) * 1000).toISOString(),
      row.block,
      row.transaction,
      row.market,
      row.kind,
      plain(row.units, 18),
      plain(row.price, 18),
      plain(row.fee, decimals),
      row.realised === null ? "" : plain(row.realised, decimals),
      plain(row.cash, decimals),
      plain(row.paid, decimals),
      plain(row.claim, decimals),
    ].join(","),
  );
  return `${[HEAD, ...lines].join("\r\n")}\r\n`;
}
