import { expect, test } from "vitest";
import { WAD } from "./fixed";
import {
  formatAge,
  formatInterval,
  fundingInWords,
  isWait,
  lightsInWords,
  placeInWords,
  reasonInWords,
  shortAddress,
} from "./words";

test("a known reason is told in words, an unknown one as the contract said it", () => {
  expect(reasonInWords("wait: stale price")).toMatch(/fresh/);
  expect(reasonInWords("not enough free balance")).toMatch(/Deposit first/);
  expect(reasonInWords("something new")).toBe("Something new.");
  expect(reasonInWords("wait: something new")).toBe("Waiting: something new.");
  expect(reasonInWords("")).toBe("");
});

test("only what may pass by itself is a wait", () => {
  expect(isWait("wait: crank first")).toBe(true);
  expect(isWait("below initial margin")).toBe(false);
  expect(isWait("")).toBe(false);
});

test.each([
  [-5n, "0 s"],
  [0n, "0 s"],
  [99n, "99 s"],
  [100n, "1 min"],
  [7_200n, "2 h"],
  [864_000n, "10 d"],
])("an age of %s seconds", (seconds, text) => expect(formatAge(seconds)).toBe(text));

test("intervals of candles", () => expect([5, 900, 14_400, 86_400].map(formatInterval)).toEqual(["5s", "15m", "4h", "1d"]));

test("every number of lights has its words", () => {
  const words = [0, 1, 2, 3, 4, 5].map(lightsInWords);
  expect(new Set(words).size).toBe(6);
});

test("who pays funding", () => {
  expect(fundingInWords(1n)).toBe("longs pay");
  expect(fundingInWords(-1n)).toBe("shorts pay");
  expect(fundingInWords(0n)).toBe("nobody pays");
});

test("addresses are shortened", () =>
  expect(shortAddress("0x1234567890123456789012345678901234567890")).toBe("0x1234…7890"));

test("a place in the queue is told in units", () => {
  const rank = { is_eligible: true, units_ahead: 3n * WAD, units_eligible: 12n * WAD, lights: 4n };
  expect(placeInWords(rank, "BTC")).toBe("4 of 5 lights, 3 of 12 BTC ahead");
  expect(placeInWords({ ...rank, is_eligible: false }, "BTC")).toBe("not in the queue");
});
