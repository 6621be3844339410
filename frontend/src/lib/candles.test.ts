import { expect, test } from "vitest";
import { chartInWords, intervalFor, rangeWithLines, toCandles } from "./candles";
import { WAD } from "./fixed";

const point = (price: bigint, publishedAt: bigint) => ({ price: price * WAD, publishedAt });

test("prices of one interval become one candle that opens where the last closed", () => {
  expect(toCandles([point(10n, 100n), point(12n, 103n), point(9n, 104n), point(11n, 106n)], 5)).toEqual([
    { time: 100, open: 10, high: 12, low: 9, close: 9 },
    { time: 105, open: 9, high: 11, low: 9, close: 11 },
  ]);
});

test("no prices, no candles", () => expect(toCandles([], 5)).toEqual([]));

test("the interval grows with the span", () => {
  expect(intervalFor([], 100)).toBe(1);
  expect(intervalFor([point(1n, 0n), point(1n, 100n)], 100)).toBe(1);
  expect(intervalFor([point(1n, 0n), point(1n, 101n)], 100)).toBe(5);
  expect(intervalFor([point(1n, 0n), point(1n, 1_000n)], 100)).toBe(15);
  expect(intervalFor([point(1n, 0n), point(1n, 10_000_000n)], 10)).toBe(86_400);
});

test("lines are brought into view, the nearest first, as long as the candles stay readable", () => {
  expect(rangeWithLines(100, 110, [])).toEqual([100, 110]);
  expect(rangeWithLines(100, 110, [105, 100])).toEqual([100, 110]);
  expect(rangeWithLines(100, 110, [90, 130])).toEqual([90, 130]);
  // All three would leave the candles less than a fifth of the height.
  expect(rangeWithLines(100, 110, [75, 130, 95])).toEqual([95, 130]);
  expect(rangeWithLines(100, 110, [10])).toEqual([100, 110]);
  expect(rangeWithLines(100, 100, [99])).toEqual([100, 100]);
});

test("a chart in words tells where it begins and ends, and how far it went", () => {
  expect(chartInWords([])).toBe("There is no price yet.");
  expect(chartInWords([point(10n, 61n), point(14n, 62n), point(9n, 63n), point(11n, 3_601n)])).toBe(
    "From 10.000 at 00:01:01 to 11.000 at 01:00:01 UTC; lowest 9.000, highest 14.000.",
  );
});
