import { describe, expect, test } from "vitest";
import { Decisions, foldOrders, pendingFirst, type OrderEvent } from "./orders";

const market = "0x2222222222222222222222222222222222222222";
const at = (block: bigint, logIndex = 0) => ({
  block,
  logIndex,
  transaction: `0x${block}` as const,
  time: 1_000n + block,
});
const placed = (id: bigint, block: bigint): OrderEvent => ({
  ...at(block),
  type: "placed",
  id,
  market,
  kind: 0n,
  triggerPrice: 0n,
  sizeDelta: 5n,
  margin: 7n,
  reduceOnly: false,
  acceptablePrice: 0n,
  expiresAt: 100n,
  keeperFee: 1n,
});
const executed = (id: bigint, block: bigint): OrderEvent => ({
  ...at(block),
  type: "executed",
  id,
  fillPrice: 11n,
  unitsDelta: 5n,
  fee: 1n,
  paidOut: 0n,
});

describe("foldOrders", () => {
  test("an order is pending until something decides it", () =>
    expect(foldOrders([placed(1n, 4n)])[0]?.outcome).toEqual({ status: "pending" }));

  test("executed, failed and cancelled are told apart, newest first", () => {
    const orders = foldOrders([
      placed(1n, 4n),
      placed(2n, 5n),
      placed(3n, 6n),
      executed(1n, 7n),
      { ...at(8n), type: "failed", id: 2n, reason: "price not acceptable" },
      { ...at(9n), type: "cancelled", id: 3n },
    ]);
    expect(orders.map((order) => [order.id, order.outcome.status])).toEqual([
      [3n, "cancelled"],
      [2n, "failed"],
      [1n, "executed"],
    ]);
    expect(orders[1]?.transaction).toBe("0x8");
  });

  test("events twice or out of order change nothing", () => {
    const events = [placed(1n, 4n), executed(1n, 5n)];
    expect(foldOrders([...events.toReversed(), ...events])).toEqual(foldOrders(events));
  });

  test("the outcome of an order whose placing was not seen is left out", () =>
    expect(foldOrders([executed(9n, 5n)])).toEqual([]));

  test("placed and executed in one block follow their log index", () => {
    const orders = foldOrders([
      { ...executed(1n, 4n), logIndex: 3 },
      { ...placed(1n, 4n), logIndex: 1 },
    ]);
    expect(orders[0]?.outcome.status).toBe("executed");
  });
});

test("an order is told with the time at which it was placed, also when it is decided later", () =>
  expect(foldOrders([placed(1n, 4n), executed(1n, 7n)])[0]?.placedAt).toBe(1_004n));

test("pending orders come first, however old and however many; of the others only the newest", () => {
  const decided = [3n, 5n, 7n].flatMap((id) => [placed(id, id), executed(id, 20n + id)]);
  const orders = foldOrders([1n, 2n, 4n, 6n].map((id) => placed(id, id)).concat(decided));
  expect(pendingFirst(orders, 2).map(({ id }) => id)).toEqual([6n, 4n, 2n, 1n, 7n, 5n]);
  expect(pendingFirst(orders, 0).map(({ id }) => id)).toEqual([6n, 4n, 2n, 1n]);
  expect(pendingFirst(orders, 9)).toHaveLength(7);
});

describe("Decisions", () => {
  const waiting = foldOrders([placed(1n, 4n)]);
  const decided = foldOrders([placed(1n, 4n), executed(1n, 5n)]);

  test("at the first look nothing is news", () => expect(new Decisions().since(decided)).toEqual([]));

  test("an order is told once", () => {
    const decisions = new Decisions();
    decisions.since(waiting);
    expect(decisions.since(decided)).toEqual(decided);
    expect(decisions.since(decided)).toEqual([]);
  });

  test("so is one that nobody saw waiting", () => {
    const decisions = new Decisions();
    decisions.since([]);
    expect(decisions.since(decided)).toEqual(decided);
  });

  test("and one again whose block the chain took back", () => {
    const decisions = new Decisions();
    for (const orders of [[], decided, waiting]) decisions.since(orders);
    expect(decisions.since(decided)).toEqual(decided);
  });
});
