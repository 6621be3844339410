/** From what a trader says in a form to the orders that the order book takes. */
import type { Address } from "./deployment";
import { BPS, ceilDiv, floorDiv, parseDecimal, whyNoNumber } from "./fixed";
import { CLOSE_LONG, CLOSE_SHORT } from "./orders";
import type { Side } from "./ticket";

export const MARKET_KIND = 0n;
export const LIMIT_KIND = 1n;
export const STOP_KIND = 2n;

/** What was typed as a price: null for nothing, and for what is none. */
export const parsePrice = (text: string): bigint | null => (text === "" ? null : parseDecimal(text, 18));

export function isBadPrice(text: string): boolean {
  const price = parsePrice(text);
  return text !== "" && (price === null || price === 0n);
}

/** Why the first bad one of `texts` is no price; "" if all are. Nothing is no bad price. */
export function priceProblem(...texts: readonly string[]): string {
  const bad = texts.find(isBadPrice);
  return bad === undefined ? "" : whyNoNumber(bad, 18, "a price");
}

/** As `IOrderBook.Order`. */
export interface OrderArgs {
  market: Address;
  kind: bigint;
  size_delta: bigint;
  margin: bigint;
  trigger_price: bigint;
  acceptable_price: bigint;
  reduce_only: boolean;
  expires_at: bigint;
}

/** Null: any price. */
export type Tolerance = bigint | null;

/** The worst price to accept: above `price` for a buy, below it for a sale; 0 for any. */
export function worstPrice(price: bigint, isBuy: boolean, tolerance: Tolerance): bigint {
  if (tolerance === null) return 0n;
  return isBuy ? floorDiv(price * (BPS + tolerance), BPS) : ceilDiv(price * (BPS - tolerance), BPS);
}

export interface Exits {
  takeProfit: bigint | null;
  stopLoss: bigint | null;
}

/** Why the exits do not fit a position of `side` entered at `price`; "" if they do. */
export function exitsProblem(side: Side, price: bigint, { takeProfit, stopLoss }: Exits): string {
  const isLong = side === "long";
  if (takeProfit !== null && (isLong ? takeProfit <= price : takeProfit >= price))
    return `The take-profit of a ${side} is ${isLong ? "above" : "below"} the price.`;
  if (stopLoss !== null && (isLong ? stopLoss >= price : stopLoss <= price))
    return `The stop-loss of a ${side} is ${isLong ? "below" : "above"} the price.`;
  return "";
}

/** A take-profit, a stop-loss or both, in the row the order book wants. Each closes all that is there then. */
export function exitOrders(
  market: Address,
  side: Side,
  { takeProfit, stopLoss }: Exits,
  expiresAt: bigint,
): OrderArgs[] {
  const size_delta = side === "long" ? CLOSE_LONG : CLOSE_SHORT;
  const common = { market, size_delta, margin: 0n, acceptable_price: 0n, reduce_only: true, expires_at: expiresAt };
  const orders: OrderArgs[] = [];
  if (takeProfit !== null) orders.push({ ...common, kind: LIMIT_KIND, trigger_price: takeProfit });
  if (stopLoss !== null) orders.push({ ...common, kind: STOP_KIND, trigger_price: stopLoss });
  return orders;
}

/** A limit buy and a stop sell wait for a fall, the other two for a rise. */
export const waitsForFall = (kind: bigint, isBuy: boolean): boolean => (kind === LIMIT_KIND) === isBuy;

/** Why a trigger makes no sense at this price: it would execute at once. "" if it does. */
export function triggerProblem(kind: bigint, isBuy: boolean, trigger: bigint, price: bigint): string {
  if (kind === MARKET_KIND || price === 0n) return "";
  const isReached = waitsForFall(kind, isBuy) ? price <= trigger : price >= trigger;
  if (!isReached) return "";
  return kind === STOP_KIND
    ? `The price is already ${isBuy ? "above" : "below"} this stop: it would execute at the next price.`
    : "";
}
