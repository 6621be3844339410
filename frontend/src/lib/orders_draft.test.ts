import { describe, expect, test } from "vitest";
import { WAD } from "./fixed";
import { CLOSE_LONG, CLOSE_SHORT } from "./orders";
import {
  LIMIT_KIND,
  MARKET_KIND,
  STOP_KIND,
  exitOrders,
  exitsProblem,
  priceProblem,
  triggerProblem,
  worstPrice,
} from "./orders_draft";

const MARKET = "0x2222222222222222222222222222222222222222";

test("worstPrice is above a buy and below a sale, rounded against neither's limit, and 0 for any", () => {
  expect(worstPrice(100n * WAD, true, 100n)).toBe(101n * WAD);
  expect(worstPrice(100n * WAD, false, 100n)).toBe(99n * WAD);
  expect(worstPrice(3n, true, 100n)).toBe(3n);
  expect(worstPrice(3n, false, 100n)).toBe(3n);
  expect(worstPrice(3n, false, null)).toBe(0n);
});

test("priceProblem tells of the first that is no price; an empty field is none", () => {
  expect(priceProblem("", "1,234.5")).toBe("");
  expect(priceProblem("100", "0")).toBe("This is not a price.");
  expect(priceProblem("0,125", "x")).toMatch(/^This is not a price: decimals come after a point/);
});

describe("exits", () => {
  test("take-profit, then stop-loss, each a whole close that only reduces", () => {
    const orders = exitOrders(MARKET, "long", { takeProfit: 120n, stopLoss: 90n }, 77n);
    expect(orders.map((order) => [order.kind, order.trigger_price])).toEqual([
      [LIMIT_KIND, 120n],
      [STOP_KIND, 90n],
    ]);
    for (const order of orders) {
      expect(order.size_delta).toBe(CLOSE_LONG);
      expect(order).toMatchObject({ reduce_only: true, margin: 0n, acceptable_price: 0n, expires_at: 77n });
    }
    expect(exitOrders(MARKET, "short", { takeProfit: null, stopLoss: 120n }, 77n)[0]?.size_delta).toBe(CLOSE_SHORT);
    expect(exitOrders(MARKET, "short", { takeProfit: null, stopLoss: null }, 77n)).toEqual([]);
  });

  test.each([
    ["long", 120n, 90n, ""],
    ["long", 100n, null, "above"],
    ["long", null, 100n, "below"],
    ["short", 80n, 120n, ""],
    ["short", 101n, null, "below"],
    ["short", null, 99n, "above"],
  ] as const)("of a %s at 100: %s and %s", (side, takeProfit, stopLoss, problem) => {
    expect(exitsProblem(side, 100n, { takeProfit, stopLoss })).toContain(problem);
    expect(exitsProblem(side, 100n, { takeProfit, stopLoss }) === "").toBe(problem === "");
  });
});

test("a stop that is already reached is told, a limit is a bargain", () => {
  expect(triggerProblem(STOP_KIND, true, 90n, 100n)).toContain("already above");
  expect(triggerProblem(STOP_KIND, false, 110n, 100n)).toContain("already below");
  expect(triggerProblem(STOP_KIND, true, 110n, 100n)).toBe("");
  expect(triggerProblem(LIMIT_KIND, true, 110n, 100n)).toBe("");
  expect(triggerProblem(MARKET_KIND, true, 0n, 100n)).toBe("");
});
