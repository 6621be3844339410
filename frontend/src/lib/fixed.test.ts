import { describe, expect, test } from "vitest";
import {
  WAD,
  ceilDiv,
  floorDiv,
  formatCash,
  formatCompact,
  formatDecimal,
  formatLeverage,
  formatPercent,
  formatPrice,
  formatUnits,
  notional,
  parseDecimal,
  toNumber,
  whyNoNumber,
} from "./fixed";

describe("division", () => {
  test.each([
    [7n, 2n, 3n, 4n],
    [-7n, 2n, -4n, -3n],
    [6n, 2n, 3n, 3n],
    [-6n, 2n, -3n, -3n],
    [0n, 5n, 0n, 0n],
    [-1n, 10n ** 30n, -1n, 0n],
  ])("%s / %s", (a, b, floor, ceil) => {
    expect(floorDiv(a, b)).toBe(floor);
    expect(ceilDiv(a, b)).toBe(ceil);
  });
});

test("notional is in base units of the token, for either side, rounded down", () => {
  expect(notional(WAD / 2n, 100_000n * WAD, 6)).toBe(50_000_000_000n);
  expect(notional(-WAD / 2n, 100_000n * WAD, 6)).toBe(50_000_000_000n);
  expect(notional(WAD / 2n, 100_000n * WAD, 18)).toBe(50_000n * WAD);
  expect(notional(1n, WAD, 6)).toBe(0n);
});

describe("parseDecimal", () => {
  test.each([
    ["1", 1_000_000n],
    ["1.5", 1_500_000n],
    [".5", 500_000n],
    ["5.", 5_000_000n],
    ["1,234.567891", 1_234_567_891n],
    ["1,000,000", 1_000_000_000_000n],
    ["12,345,678.", 12_345_678_000_000n],
    ["  42 ", 42_000_000n],
    ["9007199254740993", 9_007_199_254_740_993_000_000n],
  ])("%j is a number", (text, value) => expect(parseDecimal(text, 6)).toBe(value));

  test.each(["", ".", "-1", "1e3", "0x10", "1.2345678", "1..2", "1,2", "abc", "１", "1 000"])("%j is not", (text) =>
    expect(parseDecimal(text, 6)).toBeNull(),
  );

  const NO_THOUSANDS = ["0,125", "1.234,567", "1.234.567,8", "1234,567", "1,234567", "1,23,456", "01,234", ",125", "1,234,"];
  test.each(NO_THOUSANDS)("%j may mean another number than it would be read as", (text) => {
    expect(parseDecimal(text, 6)).toBeNull();
    expect(whyNoNumber(text, 6, "an amount")).toMatch(/^This is not an amount: decimals come after a point/);
  });

  test("what is too precise is told so, and the rest plainly", () => {
    expect(whyNoNumber("0.1234567", 6, "a size")).toBe("This is not a size: it has more than 6 decimals.");
    expect(whyNoNumber("12..5", 6, "a size")).toBe("This is not a size.");
  });
});

describe("formatDecimal", () => {
  test.each([
    [1_234_567_891n, 6, {}, "1,234.567891"],
    [1_234_567_891n, 6, { places: 2 }, "1,234.56"],
    [-1_234_567_891n, 6, { places: 2 }, "−1,234.56"],
    [1_500_000n, 6, { trim: true }, "1.5"],
    [2_000_000n, 6, { trim: true }, "2"],
    [1n, 6, { places: 2 }, "0.00"],
    [-1n, 6, { places: 2 }, "0.00"],
    [5n, 0, {}, "5"],
    [5n, 0, { places: 2 }, "5.00"],
    [1_000_000n, 6, { sign: true, places: 0 }, "+1"],
    [0n, 6, { sign: true, places: 2 }, "0.00"],
    [-1_500_000n, 6, { group: false, trim: true }, "-1.5"],
    [999_999_999n, 6, { places: 2 }, "999.99"],
  ])("%s / 10^%s %j", (value, decimals, options, text) => expect(formatDecimal(value, decimals, options)).toBe(text));

  test("what is shown is read back", () => {
    for (const value of [0n, 1n, 999_999n, 1_000_000n, 123_456_789_012_345n])
      expect(parseDecimal(formatDecimal(value, 6), 6)).toBe(value);
  });
});

test("prices get the places their size calls for", () => {
  expect(formatPrice(122_550n * WAD + WAD / 2n)).toBe("122,550.5");
  expect(formatPrice((439_363n * WAD) / 100n)).toBe("4,393.63");
  expect(formatPrice((5n * WAD) / 4n)).toBe("1.250");
  expect(formatPrice(WAD / 1000n)).toBe("0.001000");
});

test("cash, units, percentages and header sizes", () => {
  expect(formatCash(1_999_999n, 6)).toBe("1.99");
  expect(formatUnits(WAD / 8n)).toBe("0.125");
  expect(formatUnits(-12_345n * WAD)).toBe("−12,345");
  expect(formatPercent(WAD / 80n)).toBe("1.25%");
  expect(formatPercent(-WAD / 100n, { sign: true })).toBe("−1.00%");
  expect(formatCompact(12_345_678_000_000n, 6)).toBe("12.34M");
  expect(formatCompact(999_000_000n, 6)).toBe("999.00");
  expect(formatCompact(-1_500_000_000n, 6)).toBe("−1.50K");
  expect(formatCompact(2_000_000_000_000_000n, 6)).toBe("2.00B");
});

test("leverage without bounds is told as such", () => {
  expect(formatLeverage(25n * WAD + (6n * WAD) / 10n)).toBe("25.6×");
  expect(formatLeverage(2n ** 256n - 1n)).toBe(">1,000×");
});

test("toNumber is near enough to draw with", () => {
  expect(toNumber(122_550n * WAD + WAD / 4n, 18)).toBe(122_550.25);
  expect(toNumber(-WAD, 18)).toBe(-1);
});
