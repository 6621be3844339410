import { expect, test } from "vitest";
import { WAD } from "./fixed";
import { betaOf, ceilOf, columnOf, equityOf, floorOf, scoreOf, sideOf } from "./grid";

// From plimsoll.reference.grid: class 170, tick -310, a short.
const SHORT = (1n << 24n) | (170n << 16n) | (32_768n - 310n);

test("floors are quarter octaves", () => {
  expect(floorOf(0n)).toBe(1n << 30n);
  expect(floorOf(4n)).toBe(1n << 31n);
  expect(floorOf(170n)).toBe(1448n << 62n);
});

test("a bucket's number tells side, column, beta and ceiling", () => {
  expect(sideOf(SHORT)).toBe(1n);
  expect(columnOf(SHORT)).toBe(0x1aan);
  expect(betaOf(SHORT)).toBe(-310n * ((1448n << 62n) / 16n));
  expect(ceilOf(SHORT)).toBe(1722n << 62n);
});

test("a short earns when the price falls, and funding it is paid counts", () => {
  const at = (price: bigint, funding: bigint) => equityOf(SHORT, price * WAD, funding);
  expect(at(100_000n, 0n) - at(100_001n, 0n)).toBe(WAD);
  expect(at(100_000n, WAD) - at(100_000n, 0n)).toBe(WAD);
});

test("only profit beyond the class ceiling has a score, and it is rounded up", () => {
  const even = betaOf(SHORT) * -1n - ceilOf(SHORT);
  expect(scoreOf(SHORT, even, 0n)).toBe(0n);
  expect(scoreOf(SHORT, even - 1n, 0n)).toBeGreaterThan(0n);
});
