/**
 * Every ADL round, checked from the events alone: who was closed, in what order, how much, at what price.
 * A round is all ADL of one market at one price.
 */
import { BPS, cashScale, ceilDiv, floorDiv, min } from "../fixed";
import { ceilOf, equityOf, scoreOf, sideOf } from "../grid";
import type { Bucket, Buckets } from "./buckets";
import type { MarketEvent } from "./events";

export type Given = MarketEvent<"Deleveraged">;
export type Liquidation = MarketEvent<"Liquidated">;

/** In `for_bucket`: the vault itself was deleveraged, for nobody's loss. */
export const FAIR = 2n ** 256n - 1n;

export interface Violation {
  rule: "units" | "price" | "score" | "order" | "step" | "money" | "exact";
  text: string;
  /** The event that breaks the rule. */
  event: Given | Liquidation;
}

export interface Round {
  number: bigint;
  time: bigint;
  price: bigint;
  funding: bigint;
  given: Given[];
  /** What the round was for: positions closed against winners. */
  closed: Liquidation[];
  violation: Violation | undefined;
}

interface Sums {
  closed: bigint;
  given: bigint;
  loss: bigint;
  claims: bigint;
  event: Given | Liquidation;
}

export class Rounds {
  readonly all: Round[] = [];
  private stepBps = 0n;
  private feeBps = 0n;
  /** By the bucket that was paid for; of the transaction that is being read. */
  private open = new Map<bigint, Sums>();
  private transaction = "";

  constructor(private readonly decimals: number) {}

  /** Before `buckets` takes the event: rules are about the moment at which it happened. */
  take(event: MarketEvent, buckets: Buckets): void {
    if (event.transaction !== this.transaction) this.finish(event.transaction);
    if (event.eventName === "ParamsSet") {
      this.stepBps = event.args.params.adl_step_bps;
      this.feeBps = event.args.params.adl_fee_bps;
    } else if (event.eventName === "Deleveraged") {
      const round = this.current(event, buckets);
      round.violation ??= this.check(event, buckets);
      round.given.push(event);
      const { for_bucket, units, claim } = event.args;
      if (for_bucket !== FAIR) this.add(for_bucket, event, { given: units, claims: claim });
    } else if (event.eventName === "Liquidated" && !event.args.to_vault && this.open.has(event.args.bucket)) {
      this.current(event, buckets).closed.push(event);
      this.add(event.args.bucket, event, { closed: event.args.units, loss: event.args.adl });
    }
  }

  /** The events up to here are complete: what was closed for each loser must be what winners gave. */
  finish(next = ""): void {
    this.transaction = next;
    for (const sums of this.open.values()) {
      const round = this.all.at(-1);
      if (round === undefined || round.violation !== undefined) continue;
      if (sums.closed !== sums.given || sums.loss !== sums.claims)
        round.violation = {
          rule: "exact",
          text: "Winners did not give exactly the units and the loss of the position they were closed for.",
          event: sums.event,
        };
    }
    this.open.clear();
  }

  private add(bucket: bigint, event: Given | Liquidation, part: Partial<Omit<Sums, "event">>): void {
    const sums = this.open.get(bucket) ?? { closed: 0n, given: 0n, loss: 0n, claims: 0n, event };
    sums.closed += part.closed ?? 0n;
    sums.given += part.given ?? 0n;
    sums.loss += part.loss ?? 0n;
    sums.claims += part.claims ?? 0n;
    sums.event = event;
    this.open.set(bucket, sums);
  }

  private current(event: Given | Liquidation, buckets: Buckets): Round {
    const last = this.all.at(-1);
    if (last !== undefined && last.number === buckets.round) return last;
    const round: Round = {
      number: buckets.round,
      time: event.time,
      price: buckets.price,
      funding: event.eventName === "Deleveraged" ? event.args.funding_index : buckets.funding,
      given: [],
      closed: [],
      violation: undefined,
    };
    this.all.push(round);
    return round;
  }

  private check(event: Given, buckets: Buckets): Violation | undefined {
    const { bucket: id, epoch, units, units_left, price_round, index_price, funding_index, score } = event.args;
    const broken = (rule: Violation["rule"], text: string): Violation => ({ rule, text, event });
    const found = buckets.live.get(id);
    if (found === undefined || found.epoch !== epoch || found.units - units !== units_left)
      return broken("units", "The bucket did not hold what it gave and what it says it has left.");
    if (price_round !== buckets.round || index_price !== buckets.price)
      return broken("price", "The price is not the one of this round.");
    if (score === 0n || score !== scoreOf(id, index_price, funding_index))
      return broken("score", "The score is not the one that price and bucket give.");
    return (
      this.checkStep(event, found, buckets, broken) ??
      this.checkMoney(event, broken) ??
      this.checkOrder(event, buckets, broken)
    );
  }

  /** No more than the step allows, of what the bucket held when the price came. */
  private checkStep(event: Given, found: Bucket, buckets: Buckets, broken: Breaks): Violation | undefined {
    const base = buckets.baseOf(found);
    const allowed = (base * min(event.args.step * this.stepBps, BPS)) / BPS;
    if (event.args.units_left + slack(base) < base - allowed)
      return broken("step", `The bucket gave more than ${event.args.step} steps of what it held.`);
    return undefined;
  }

  /** Equity at the index price, less what was given up (profit only) and the fee. */
  private checkMoney(event: Given, broken: Breaks): Violation | undefined {
    const { bucket: id, units, index_price, funding_index, paid, claim, for_bucket } = event.args;
    const scale = cashScale(this.decimals);
    const equity = equityOf(id, index_price, funding_index);
    const profit = floorDiv(units * (equity - ceilOf(id)), scale);
    const fee = min(profit - claim, ceilDiv(units * ceilDiv(index_price * this.feeBps, BPS), scale));
    if (claim > profit) return broken("money", "It gave up more than its profit.");
    if (claim > 0n && for_bucket === FAIR) return broken("money", "It gave profit up although nobody's loss was paid.");
    if (paid !== floorDiv(units * equity, scale) - claim - fee)
      return broken("money", "It was not paid its equity less what it gave up.");
    return undefined;
  }

  /** Best score first inside a step, and nobody a k-th step before everybody eligible has given k - 1. */
  private checkOrder(event: Given, buckets: Buckets, broken: Breaks): Violation | undefined {
    const { bucket: id, index_price, funding_index, step, score } = event.args;
    for (const other of buckets.live.values()) {
      if (other.id === id || sideOf(other.id) !== sideOf(id)) continue;
      const theirs = scoreOf(other.id, index_price, funding_index);
      if (theirs === 0n) continue;
      const steps = theirs > score ? step : step - 1n;
      const base = buckets.baseOf(other);
      const due = (base * min(steps * this.stepBps, BPS)) / BPS;
      if (other.units > base - due + slack(base))
        return broken(
          "order",
          `A bucket with ${theirs > score ? "a better score" : "a step still due"} was passed over.`,
        );
    }
    return undefined;
  }
}

type Breaks = (rule: Violation["rule"], text: string) => Violation;

/** The contracts keep a base to 50 significant bits. */
const slack = (base: bigint): bigint => 2n + (base >> 48n);
