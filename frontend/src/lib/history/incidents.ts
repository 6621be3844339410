/** What was done to an account's positions without its doing, one entry for each market, price and kind. */
import { sum } from "../fixed";
import type { Hit } from "./holdings";
import type { MarketHistory } from "./market";
import { FAIR, type Given, type Liquidation, type Round } from "./rounds";

interface Common {
  /** The same after a reload. */
  key: string;
  symbol: string;
  time: bigint;
  /** Index price at which it happened. */
  price: bigint;
  /** The account's part. Cash is paid to the free balance when it is collected. */
  units: bigint;
  paid: bigint;
  /** The whole position is gone. */
  isWhole: boolean;
  side: bigint;
  bucket: bigint;
  transactions: `0x${string}`[];
}

export type Incident = Common &
  (
    | {
        kind: "adl";
        round: bigint;
        score: bigint;
        /** The account's bucket was the `place`-th of `of` closings of the round, counted from 1. */
        place: number;
        of: number;
        /** Profit given up; a recovery claim for as much. */
        claim: bigint;
        /** The bankrupt buckets it paid for; none if the vault itself was deleveraged. */
        forBuckets: bigint[];
        /** Their loss beyond margin, and what of it winners gave up in all. */
        loss: bigint;
        shared: bigint;
      }
    | {
        kind: "liquidation";
        /** Units the vault took over; the others were closed against winners. */
        toVault: bigint;
        fillPrice: bigint;
        loss: bigint;
      }
  );

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

function common(key: string, symbol: string, hits: readonly Hit[]): Common | undefined {
  const last = hits.at(-1);
  if (last === undefined) return undefined;
  return {
    key,
    symbol,
    time: last.event.time,
    price: last.event.args.index_price,
    units: sum(hits.map((hit) => hit.units)),
    paid: sum(hits.map((hit) => hit.paid)),
    isWhole: hits.some((hit) => hit.isWhole),
    side: last.event.args.bucket >> 24n,
    bucket: last.event.args.bucket,
    transactions: distinct(hits.map((hit) => hit.event.transaction)),
  };
}

function deleveraging(base: Common, hits: readonly Hit[], events: readonly Given[], round: Round): Incident {
  const forBuckets = distinct(events.map(({ args }) => args.for_bucket)).filter((bucket) => bucket !== FAIR);
  const losers = round.closed.filter(({ args }) => forBuckets.includes(args.bucket));
  return {
    ...base,
    kind: "adl",
    round: round.number,
    score: events[0]?.args.score ?? 0n,
    place: round.given.findIndex((event) => event === events[0]) + 1,
    of: round.given.length,
    claim: sum(hits.map((hit) => hit.claim)),
    forBuckets,
    loss: sum(losers.map(({ args }) => args.loss)),
    shared: sum(losers.map(({ args }) => args.adl)),
  };
}

function liquidation(base: Common, events: readonly Liquidation[], hits: readonly Hit[]): Incident {
  const vault = hits.filter((_, index) => events[index]?.args.to_vault === true);
  return {
    ...base,
    kind: "liquidation",
    toVault: sum(vault.map((hit) => hit.units)),
    fillPrice: events.at(-1)?.args.fill_price ?? 0n,
    loss: sum(events.map(({ args }) => args.loss)),
  };
}

/** Newest first. */
export function incidentsOf(account: string, symbol: string, market: MarketHistory): Incident[] {
  const groups = new Map<string, Hit[]>();
  for (const hit of market.holdings.story(account).hits) {
    const kind = hit.event.eventName === "Deleveraged" ? "adl" : "liquidation";
    const round = hit.event.eventName === "Deleveraged" ? hit.event.args.price_round : hit.event.args.index_price;
    const key = `${symbol}/${kind}/${round}/${hit.event.args.bucket}/${hit.event.args.epoch}`;
    groups.set(key, [...(groups.get(key) ?? []), hit]);
  }
  const found: Incident[] = [];
  for (const [key, hits] of groups) {
    const base = common(key, symbol, hits);
    if (base === undefined) continue;
    const given = hits.map((hit) => hit.event).filter((event) => event.eventName === "Deleveraged");
    if (given.length > 0) {
      const round = market.rounds.all.find((each) => each.number === given[0]?.args.price_round);
      if (round !== undefined) found.push(deleveraging(base, hits, given, round));
    } else {
      const events = hits.map((hit) => hit.event).filter((event) => event.eventName === "Liquidated");
      found.push(liquidation(base, events, hits));
    }
  }
  return found.toSorted((a, b) => (a.time < b.time ? 1 : -1));
}
