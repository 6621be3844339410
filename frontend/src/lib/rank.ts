/** Where a position would stand in the ADL queue. What stands now comes from `Lens.adl_rank`; this is for what-ifs. */
import { BPS, cashScale, max, min } from "./fixed";
import { bucketFor, ceilOf, coordinate, equityOf, scoreOf, sideOf } from "./grid";

export interface Standing {
  bucket: bigint;
  units: bigint;
}

export interface Place {
  isEligible: boolean;
  unitsAhead: bigint;
  unitsEligible: bigint;
  /** 0 not eligible, 1 (last fifth) to 5 (first fifth). */
  lights: number;
  score: bigint;
}

interface Prices {
  price: bigint;
  funding: bigint;
}

/** As `Lens.adl_rank` counts, if `now` stood in another bucket or held other units. */
export function placeOf(
  buckets: Iterable<{ id: bigint; units: bigint }>,
  now: Standing,
  then: Standing,
  at: Prices,
): Place {
  const score = scoreOf(then.bucket, at.price, at.funding);
  let unitsAhead = 0n;
  let unitsEligible = score > 0n ? then.units : 0n;
  for (const { id, units } of buckets) {
    if (sideOf(id) !== sideOf(then.bucket)) continue;
    const theirs = scoreOf(id, at.price, at.funding);
    if (theirs === 0n) continue;
    const others = id === now.bucket ? units - min(units, now.units) : units;
    unitsEligible += others;
    if (theirs > score || (theirs === score && id < then.bucket)) unitsAhead += others;
  }
  const isEligible = score > 0n && unitsEligible > 0n;
  const lights = isEligible ? 5 - Number(min(4n, (unitsAhead * 5n) / unitsEligible)) : 0;
  return { isEligible, unitsAhead: isEligible ? unitsAhead : 0n, unitsEligible, lights, score };
}

/** The bucket after `amount` of margin was added (or taken, below zero); null if the position could not bear it. */
export function bucketAfterMargin(
  held: Standing & { basis: bigint },
  amount: bigint,
  at: Prices,
  decimals: number,
): bigint | null {
  const scale = cashScale(decimals);
  const equity = (held.units * max(0n, equityOf(held.bucket, at.price, at.funding))) / scale + amount;
  if (equity <= 0n) return null;
  const perUnit = (equity * scale) / held.units;
  const contributed = held.basis + (max(amount, 0n) * scale) / held.units;
  const side = sideOf(held.bucket);
  return bucketFor(side, min(contributed, perUnit), coordinate(side, at.price, at.funding) - perUnit);
}

/** What one unit is paid if it is deleveraged now: its equity less what it gives up. WAD. */
export function paidPerUnit(bucket: bigint, lossPerUnit: bigint, at: Prices): bigint {
  const equity = equityOf(bucket, at.price, at.funding);
  return equity - min(lossPerUnit, max(0n, equity - ceilOf(bucket)));
}

/** Units of the other side that must find no room in the vault before ADL reaches a position: one step of all ahead. */
export const unitsUntilReached = (unitsAhead: bigint, stepBps: bigint): bigint => (unitsAhead * stepBps) / BPS;

/** Units that the vault may still take over of liquidations against `side`, at this price. */
export function vaultRoom(side: bigint, skew: bigint, capacity: bigint, price: bigint, decimals: number): bigint {
  if (price <= 0n) return 0n;
  const most = (capacity * cashScale(decimals)) / price;
  // Losers face the winners of `side`: taking them over moves the skew toward that side.
  return max(0n, side === 0n ? most - skew : most + skew);
}

/** The bucket after an order that grows the position; `locked` is what it is worth then, as `Lens.quote` says. */
export function bucketAfterIncrease(
  held: Standing & { basis: bigint },
  margin: bigint,
  locked: bigint,
  unitsAfter: bigint,
  at: Prices,
  decimals: number,
): bigint | null {
  const scale = cashScale(decimals);
  const perUnit = (locked * scale) / unitsAfter;
  const contributed = (margin * scale + held.units * held.basis) / unitsAfter;
  const side = sideOf(held.bucket);
  return bucketFor(side, min(contributed, perUnit), coordinate(side, at.price, at.funding) - perUnit);
}
