/** A trader's orders, folded from the order book's events alone. */
import type { Address } from "./deployment";

interface Place {
  block: bigint;
  logIndex: number;
  transaction: `0x${string}`;
  time: bigint;
}

export type OrderEvent = Place &
  (
    | {
        type: "placed";
        id: bigint;
        market: Address;
        kind: bigint;
        sizeDelta: bigint;
        margin: bigint;
        triggerPrice: bigint;
        reduceOnly: boolean;
        acceptablePrice: bigint;
        expiresAt: bigint;
        keeperFee: bigint;
      }
    | { type: "executed"; id: bigint; fillPrice: bigint; unitsDelta: bigint; fee: bigint; paidOut: bigint }
    | { type: "cancelled"; id: bigint }
    | { type: "failed"; id: bigint; reason: string }
  );

export type Outcome =
  | { status: "pending" }
  | { status: "executed"; fillPrice: bigint; unitsDelta: bigint; fee: bigint; paidOut: bigint }
  | { status: "cancelled" }
  | { status: "failed"; reason: string };

export interface OrderRecord {
  id: bigint;
  market: Address;
  kind: bigint;
  sizeDelta: bigint;
  margin: bigint;
  triggerPrice: bigint;
  reduceOnly: boolean;
  acceptablePrice: bigint;
  expiresAt: bigint;
  keeperFee: bigint;
  placedAt: bigint;
  /** The transaction that decided the order; the one that placed it while it is pending. */
  transaction: `0x${string}`;
  outcome: Outcome;
}

/** A reduce-only order of this size closes the whole position, whatever it is when the order executes. */
export const CLOSE_LONG = -(2n ** 255n);
export const CLOSE_SHORT = 2n ** 255n - 1n;
export const isFullClose = (sizeDelta: bigint): boolean => sizeDelta === CLOSE_LONG || sizeDelta === CLOSE_SHORT;

export const isPending = ({ outcome }: OrderRecord): boolean => outcome.status === "pending";

/** Tells which orders have been decided since the last look. At the first, nothing is news. */
export class Decisions {
  private decided: ReadonlySet<bigint> | null = null;

  since(orders: readonly OrderRecord[]): OrderRecord[] {
    const { decided } = this;
    const found = orders.filter((order) => !isPending(order));
    this.decided = new Set(found.map(({ id }) => id));
    return decided === null ? [] : found.filter(({ id }) => !decided.has(id));
  }
}

/** What still waits comes first, and all of it; of what is decided the newest `most`. */
export function pendingFirst(orders: readonly OrderRecord[], most: number): OrderRecord[] {
  return [...orders.filter(isPending), ...orders.filter((order) => !isPending(order)).slice(0, most)];
}

/** Newest first. Events may come twice or in any order: a scan that overlaps the last one does no harm. */
export function foldOrders(events: readonly OrderEvent[]): OrderRecord[] {
  const sorted = events.toSorted((a, b) =>
    a.block === b.block ? a.logIndex - b.logIndex : a.block < b.block ? -1 : 1,
  );
  const orders = new Map<bigint, OrderRecord>();
  for (const event of sorted) {
    if (event.type === "placed") {
      if (orders.has(event.id)) continue;
      orders.set(event.id, {
        id: event.id,
        market: event.market,
        kind: event.kind,
        sizeDelta: event.sizeDelta,
        margin: event.margin,
        triggerPrice: event.triggerPrice,
        reduceOnly: event.reduceOnly,
        acceptablePrice: event.acceptablePrice,
        expiresAt: event.expiresAt,
        keeperFee: event.keeperFee,
        placedAt: event.time,
        transaction: event.transaction,
        outcome: { status: "pending" },
      });
      continue;
    }
    const order = orders.get(event.id);
    if (order === undefined) continue;
    order.transaction = event.transaction;
    if (event.type === "executed") {
      const { fillPrice, unitsDelta, fee, paidOut } = event;
      order.outcome = { status: "executed", fillPrice, unitsDelta, fee, paidOut };
    } else if (event.type === "failed") {
      order.outcome = { status: "failed", reason: event.reason };
    } else {
      order.outcome = { status: "cancelled" };
    }
  }
  return [...orders.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1));
}
