/** What each account holds and what happened to it without its doing, from a market's events. */
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
}

/** An account's part of a liquidation or of a step of ADL. Cash is rounded down, as the contracts do. */
export interface Hit {
  event: Given | Liquidation;
  units: bigint;
  paid: bigint;
  claim: bigint;
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
    const before = holding === undefined ? 0n : sum(holding.lots);
    for (const { args } of this.moves) {
      if (args.shares_delta < 0n) {
        if (holding === undefined) continue;
        holding.shares += args.shares_delta;
        if (holding.shares === 0n) this.forget(account, holding);
      } else {
        const { lots, fees } = holding ?? { lots: [], fees: 0n };
        holding = { bucket: args.bucket, epoch: args.epoch, shares: args.shares_delta, lots, fees };
        this.remember(account, holding);
      }
    }
    this.moves = [];
    if (event.eventName !== "Traded") return;
    if (holding === undefined || event.args.units_after === 0n) {
      this.held.delete(account);
      return;
    }
    const { units_after, units_delta, fee } = event.args;
    const after = units_after < 0n ? -units_after : units_after;
    const isNew = units_after * (units_after - units_delta) <= 0n;
    if (isNew) {
      holding.lots = [];
      holding.fees = 0n;
    }
    const had = isNew ? 0n : before;
    if (after > had) holding.lots = [...scaled(holding.lots, had), { block: event.block, units: after - had }];
    else holding.lots = scaled(holding.lots, after);
    holding.fees += fee;
  }

  private hit(event: Given | Liquidation, buckets: Buckets): void {
    const { bucket: id, epoch, units, units_left, paid } = event.args;
    const bucket = buckets.live.get(id);
    if (bucket === undefined || bucket.shares === 0n) return;
    const claim = event.eventName === "Deleveraged" ? event.args.claim : 0n;
    const isWhole = units_left === 0n;
    for (const account of this.inBucket.get(key(id, epoch)) ?? []) {
      const holding = this.held.get(account);
      if (holding === undefined) continue;
      const part = (amount: bigint) => (amount * holding.shares) / bucket.shares;
      this.story(account).hits.push({ event, units: part(units), paid: part(paid), claim: part(claim), isWhole });
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

const sum = (lots: readonly Lot[]): bigint => lots.reduce((total, lot) => total + lot.units, 0n);

/** The same lots in proportion, so that they add up to `units` at most. */
function scaled(lots: readonly Lot[], units: bigint): Lot[] {
  const total = sum(lots);
  if (total === 0n || units >= total) return [...lots];
  return lots.map((lot) => ({ block: lot.block, units: (lot.units * units) / total })).filter((lot) => lot.units > 0n);
}
