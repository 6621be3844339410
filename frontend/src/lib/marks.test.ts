import { expect, test } from "vitest";
import { marksByCandle, type Mark } from "./marks";

const mark = (time: bigint, isMine = false, kind: Mark["kind"] = "liquidation"): Mark => ({ time, kind, isMine });

test("many events of a candle are one mark, which is the trader's if one of them is", () => {
  const marks = [mark(61n), mark(62n, true), mark(119n), mark(62n, false, "adl"), mark(120n)];
  expect(marksByCandle(marks, 60, 0, 9)).toEqual([
    { time: 60, kind: "liquidation", isMine: true },
    { time: 60, kind: "adl", isMine: false },
    { time: 120, kind: "liquidation", isMine: false },
  ]);
});

test("a crash of others pushes nobody's own mark off the chart", () => {
  const crowd = Array.from({ length: 500 }, (_, i) => mark(200n + BigInt(i)));
  const found = marksByCandle([mark(100n, true), ...crowd], 1, 0, 60);
  expect(found).toHaveLength(61);
  expect(found[0]).toEqual({ time: 100, kind: "liquidation", isMine: true });
  expect(found[1]?.time).toBe(640);
});

test("what is older than the chart is not on it", () => {
  expect(marksByCandle([mark(59n, true), mark(60n)], 60, 60, 9)).toEqual([
    { time: 60, kind: "liquidation", isMine: false },
  ]);
});
