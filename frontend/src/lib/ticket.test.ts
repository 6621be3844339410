import { describe, expect, test } from "vitest";
import { WAD, cashScale } from "./fixed";
import { affordableSize, distance, hasMovedOn, marginFor, maxLeverage, openingPart, shortfall, sizeDelta } from "./ticket";

const USD = 1_000_000n;

describe("sizeDelta", () => {
  test("buys for a long, sells for a short", () => {
    expect(sizeDelta("long", 50_000n * USD, 100_000n * WAD, 6)).toBe(WAD / 2n);
    expect(sizeDelta("short", 50_000n * USD, 100_000n * WAD, 6)).toBe(-WAD / 2n);
  });

  test("is the most that is not worth more than asked for", () => {
    for (const price of [3n, 7n * WAD, 122_550n * WAD + 1n]) {
      const units = sizeDelta("long", 1_000n * USD, price, 6);
      const asked = 1_000n * USD * cashScale(6);
      expect(units * price <= asked && asked < (units + 1n) * price).toBe(true);
    }
  });

  test("without a price there is no size", () => expect(sizeDelta("long", USD, 0n, 6)).toBe(0n));
});

describe("marginFor", () => {
  test("adds the fee and a premium to pay", () =>
    expect(marginFor(10_000n * USD, 10n * WAD, 5n, 2n * USD)).toBe(1_000n * USD + 5n * USD + 2n * USD));
  test("does not lean on a premium to receive", () =>
    expect(marginFor(10_000n * USD, 10n * WAD, 0n, -2n * USD)).toBe(1_000n * USD));
  test("rounds up", () => expect(marginFor(10n, 3n * WAD, 0n, 0n)).toBe(4n));
});

test("maxLeverage stays a tenth under the limit", () => {
  expect(maxLeverage(200n)).toBe(45n);
  expect(maxLeverage(10_000n)).toBe(1n);
  expect(maxLeverage(0n)).toBe(1n);
});

test("distance is a share of the reference", () => {
  expect(distance(90n, 100n)).toBe(WAD / 10n);
  expect(distance(110n, 100n)).toBe(WAD / 10n);
  expect(distance(1n, 0n)).toBe(0n);
});

test("hasMovedOn bears a fifth of a percent either way, and no price at all", () => {
  expect([998n, 1_000n, 1_002n].map((price) => hasMovedOn(price, 1_000n))).toEqual([false, false, false]);
  expect([997n, 1_003n, 0n].map((price) => hasMovedOn(price, 1_000n))).toEqual([true, true, true]);
  expect([hasMovedOn(0n, 0n), hasMovedOn(1n, 0n)]).toEqual([false, true]);
});

test("shortfall counts the keeper fee", () => {
  expect(shortfall(100n, 2n, 50n)).toBe(52n);
  expect(shortfall(100n, 2n, 500n)).toBe(0n);
});

test("openingPart is what is left after the other side is closed", () => {
  expect(openingPart(0n, -5n)).toBe(5n);
  expect(openingPart(3n, 5n)).toBe(5n);
  expect(openingPart(3n, -2n)).toBe(0n);
  expect(openingPart(3n, -5n)).toBe(2n);
  expect(openingPart(-3n, 5n)).toBe(2n);
});

test("affordableSize is covered by the budget, and a dollar more is not", () => {
  for (const leverage of [1n, 7n, 45n]) {
    const size = affordableSize(1_000n * USD, leverage * WAD, 5n);
    expect(marginFor(size, leverage * WAD, 5n, 0n)).toBeLessThanOrEqual(1_000n * USD + 1n);
    expect(marginFor(size + leverage * USD, leverage * WAD, 5n, 0n)).toBeGreaterThan(1_000n * USD);
  }
  expect(affordableSize(0n, WAD, 5n)).toBe(0n);
});
