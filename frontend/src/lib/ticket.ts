/** The order ticket: from what a trader says (side, size in USD, leverage) to what the order book wants. */
import { BPS, WAD, abs, cashScale, ceilDiv, floorDiv, max } from "./fixed";

export type Side = "long" | "short";

/** Units bought (+) or sold (-) for a size in cash, rounded toward zero: never more than asked for. */
export function sizeDelta(side: Side, size: bigint, price: bigint, decimals: number): bigint {
  if (price <= 0n) return 0n;
  const units = floorDiv(size * cashScale(decimals), price);
  return side === "long" ? units : -units;
}

/** Cash to lock for `size` at `leverage` (WAD), rounded up, and the fee and premium that come off it first. */
export function marginFor(size: bigint, leverage: bigint, feeBps: bigint, premium: bigint): bigint {
  if (leverage <= 0n) return 0n;
  return ceilDiv(size * WAD, leverage) + ceilDiv(size * feeBps, BPS) + max(premium, 0n);
}

/**
 * Highest leverage the slider offers. Below the market's own limit by a tenth: the bankruptcy coordinate is rounded
 * to a tick, up to a sixteenth of the margin, and that part does not count as equity.
 */
export function maxLeverage(initialMarginBps: bigint): bigint {
  if (initialMarginBps <= 0n) return 1n;
  return max(1n, (BPS * 9n) / (initialMarginBps * 10n));
}

/** How far `price` is from `reference`, as a WAD share of it. */
export function distance(price: bigint, reference: bigint): bigint {
  return reference === 0n ? 0n : floorDiv(abs(price - reference) * WAD, reference);
}

const MOVED_ON = WAD / 500n;

/** Whether a size in cash that was turned into units at `reference` must be turned anew: a fifth of a percent. */
export const hasMovedOn = (price: bigint, reference: bigint): boolean =>
  reference === 0n ? price !== 0n : distance(price, reference) > MOVED_ON;

/** Free balance that is missing to place this order. */
export function shortfall(margin: bigint, keeperFee: bigint, free: bigint): bigint {
  return max(0n, margin + keeperFee - free);
}

/** Units of `delta` that open or grow; the rest first closes what stands on the other side. */
export function openingPart(held: bigint, delta: bigint): bigint {
  const isAgainst = (held > 0n && delta < 0n) || (held < 0n && delta > 0n);
  if (!isAgainst) return abs(delta);
  return max(0n, abs(delta) - abs(held));
}

/** The largest size whose margin and fee `budget` covers at `leverage` (WAD), rounded down. */
export function affordableSize(budget: bigint, leverage: bigint, feeBps: bigint): bigint {
  if (budget <= 0n || leverage <= 0n) return 0n;
  // size / leverage + size * fee = budget
  return floorDiv(budget * leverage * BPS, WAD * BPS + feeBps * leverage);
}
