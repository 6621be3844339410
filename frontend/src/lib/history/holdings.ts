/** What each account holds and what happened to it without its doing, from a market's events. */
import { abs, cashScale, floorDiv } from "../fixed";
import { LONG, equityOf, sideOf } from "../grid";
import type { Buckets } from "./buckets";
import type { MarketEvent } from "./events";
import type { Given, Liquidation } from "./rounds";

/** Units that joined at one moment; funding counts from there. */
export interface Lot {
  block: bigint;
  units: bigint;
}

export interface Holding {
  bucket: bigint;
  epoch: bigint;
  shares: bigint;
  lots: Lot[];
  fees: bigint;
  /** As the market keeps it; null while no trade has told it. */
  entryPrice: bigint | null;
}

/** An account's part of a liquidation or of a step of ADL. Cash is rounded down, as the contracts do. */
export interface Hit {
  event: Given | Liquidation;
  units: bigint;
  paid: bigint;
  claim: bigint;
  /** The penalty of a liquidation, the fee of ADL. */
  fee: bigint;
  /** As of a trade: price against entry price, after the fee; also after profit given up. Null without an entry price. */
  realised: bigint | null;
  isWhole: boolean;
}

export type OwnEvent = MarketEvent<"Traded"> | MarketEvent<"MarginChanged"> | MarketEvent<"Collected">;

export interface Story {
  own: OwnEvent[];
  hits: Hit[];
}

const key = (bucket: bigint, epoch: bigint) => `${bucket}/${epoch}`;

export class Holdings {
  readonly held = new Map<string, Holding>();
  readonly stories = new Map<string, Story>();
  private readonly inBucket = new Map<string, Set<string>>();
  private moves: MarketEvent<"BucketChanged">[] = [];

  constructor(private readonly decimals: number) {}

  /** Before `buckets` takes the event. */
  take(event: MarketEvent, buckets: Buckets): void {
    switch (event.eventName) {
      case "BucketChanged":
        // Told before the trade or the change of margin that it belongs to.
        this.moves.push(event);
        return;
      case "Traded":
      case "MarginChanged":
      case "Collected":
        this.story(event.args.account).own.push(event);
        if (event.eventName !== "Collected") this.settle(event);
        return;
      case "Liquidated":
      case "Deleveraged":
        this.hit(event, buckets);
        return;
      default:
    }
  }

  story(account: string): Story {
    const name = account.toLowerCase();
    let found = this.stories.get(name);
    if (found === undefined) {
      found = { own: [], hits: [] };
      this.stories.set(name, found);
    }
    return found;
  }

  /** How many accounts have a part of a bucket. */
  owners(bucket: bigint, epoch: bigint): number {
    return this.inBucket.get(key(bucket, epoch))?.size ?? 0;
  }

  private settle(event: MarketEvent<"Traded"> | MarketEvent<"MarginChanged">): void {
    const account = event.args.account.toLowerCase();
    let holding = this.held.get(account);
    for (const { args } of this.moves) {
      if (args.shares_delta < 0n) {
        if (holding === undefined) continue;
        holding.shares += args.shares_delta;
        if (holding.shares === 0n) this.forget(account, holding);
      } else {
        const { lots, fees, entryPrice } = holding ?? { lots: [], fees: 0n, entryPrice: null };
        holding = { bucket: args.bucket, epoch: args.epoch, shares: args.shares_delta, lots, fees, entryPrice };
        this.remember(account, holding);
      }
    }
    this.moves = [];
    if (event.eventName !== "Traded") return;
    if (holding === undefined || event.args.units_after === 0n) {
      this.held.delete(account);
      return;
    }
    const { units_after, units_delta, fee, fill_price } = event.args;
    const after = abs(units_after);
    const isNew = units_after * (units_after - units_delta) <= 0n;
    if (isNew) {
      holding.lots = [];
      holding.fees = 0n;
      holding.entryPrice = 0n;
    }
    const had = isNew ? 0n : abs(units_after - units_delta);
    if (after > had) {
      const opened = after - had;
      holding.lots = [...scaled(holding.lots, had), { block: event.block, units: opened }];
      if (holding.entryPrice !== null)
        holding.entryPrice = asKept((had * holding.entryPrice + opened * fill_price) / after);
    } else holding.lots = scaled(holding.lots, after);
    holding.fees += fee;
  }

  private hit(event: Given | Liquidation, buckets: Buckets): void {
    const { bucket: id, epoch, units, units_left, paid, index_price } = event.args;
    const bucket = buckets.live.get(id);
    if (bucket === undefined || bucket.shares === 0n) return;
    const scale = cashScale(this.decimals);
    const isAdl = event.eventName === "Deleveraged";
    const price = isAdl ? index_price : event.args.fill_price;
    const claim = isAdl ? event.args.claim : 0n;
    // ADL pays the equity less what is given up and its fee: no event tells the fee by itself.
    const fee = isAdl
      ? floorDiv(units * equityOf(id, index_price, event.args.funding_index), scale) - claim - paid
      : event.args.penalty;
    // Of a loss beyond margin others bear what the owners do not.
    const spared = isAdl ? 0n : event.args.loss;
    const isWhole = units_left === 0n;
    for (const account of this.inBucket.get(key(id, epoch)) ?? []) {
      const holding = this.held.get(account);
      if (holding === undefined) continue;
      const part = (amount: bigint) => (amount * holding.shares) / bucket.shares;
      const { entryPrice } = holding;
      const moved = entryPrice === null ? null : sideOf(id) === LONG ? price - entryPrice : entryPrice - price;
      const realised =
        moved === null
          ? null
          : floorDiv(part(units) * moved, scale) - part(fee) - part(claim) + part(spared);
      const own = { units: part(units), paid: part(paid), claim: part(claim), fee: part(fee), realised };
      this.story(account).hits.push({ event, ...own, isWhole });
      holding.lots = scaled(holding.lots, part(units_left));
      if (isWhole) this.held.delete(account);
    }
    if (isWhole) this.inBucket.delete(key(id, epoch));
  }

  private remember(account: string, holding: Holding): void {
    const name = key(holding.bucket, holding.epoch);
    this.held.set(account, holding);
    this.inBucket.set(name, (this.inBucket.get(name) ?? new Set()).add(account));
  }

  private forget(account: string, holding: Holding): void {
    this.inBucket.get(key(holding.bucket, holding.epoch))?.delete(account);
    this.held.delete(account);
  }
}

/** The market keeps 45 bits of an entry price, rounded down. */
function asKept(price: bigint): bigint {
  const spare = BigInt(Math.max(0, price.toString(2).length - 45));
  return (price >> spare) << spare;
}

const sum = (lots: readonly Lot[]): bigint => lots.reduce((total, lot) => total + lot.units, 0n);

/** The same lots in proportion, so that they add up to `units` at most. */
function scaled(lots: readonly Lot[], units: bigint): Lot[] {
  const total = sum(lots);
  if (total === 0n || units >= total) return [...lots];
  return lots.map((lot) => ({ block: lot.block, units: (lot.units * units) / total })).filter((lot) => lot.units > 0n);
}
