/** The grid of one market at any moment, rebuilt from its events. */
import type { MarketEvent } from "./events";

export interface Bucket {
  id: bigint;
  epoch: bigint;
  units: bigint;
  shares: bigint;
  /** Units it held when ADL first reached it at the price of `baseRound`. */
  base: bigint;
  baseRound: bigint;
}

export class Buckets {
  readonly live = new Map<bigint, Bucket>();
  round = 0n;
  price = 0n;
  funding = 0n;

  take(event: MarketEvent): void {
    if (event.eventName === "PriceRound") {
      this.round = event.args.price_round;
      this.price = event.args.index_price;
      this.funding = event.args.funding_index;
    } else if (event.eventName === "BucketChanged") {
      const { bucket, epoch, units_delta, shares_delta } = event.args;
      this.change(bucket, epoch, units_delta, shares_delta);
    } else if (event.eventName === "Liquidated") {
      this.put(event.args.bucket, event.args.units_left);
    } else if (event.eventName === "Deleveraged") {
      const found = this.live.get(event.args.bucket);
      if (found === undefined) return;
      found.base = this.baseOf(found);
      found.baseRound = this.round;
      this.put(found.id, event.args.units_left);
    }
  }

  /** What counts as all of the bucket at the present price. */
  baseOf(bucket: Bucket): bigint {
    return bucket.baseRound === this.round ? bucket.base : bucket.units;
  }

  units(side: bigint): bigint {
    let sum = 0n;
    for (const bucket of this.live.values()) if (bucket.id >> 24n === side) sum += bucket.units;
    return sum;
  }

  private change(id: bigint, epoch: bigint, unitsDelta: bigint, sharesDelta: bigint): void {
    const found = this.live.get(id);
    if (found === undefined) {
      this.live.set(id, { id, epoch, units: unitsDelta, shares: sharesDelta, base: 0n, baseRound: -1n });
      return;
    }
    const units = found.units + unitsDelta;
    // Whoever joins or leaves leaves the part that the bucket has given as it is.
    if (found.baseRound === this.round && found.units > 0n) found.base = (found.base * units) / found.units;
    found.shares += sharesDelta;
    this.put(id, units);
  }

  private put(id: bigint, units: bigint): void {
    const found = this.live.get(id);
    if (found === undefined) return;
    found.units = units;
    if (units === 0n) this.live.delete(id);
  }
}
