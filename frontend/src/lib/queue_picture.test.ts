import { expect, test } from "vitest";
import { WAD } from "./fixed";
import { scoreOf } from "./grid";
import { bucketAt } from "./history/fixture";
import { drawQueue, nearest } from "./queue_picture";

const at = { price: 130n * WAD, funding: 0n, maintenanceBps: 100n };
const bucket = (basis: bigint, beta: bigint): bigint => bucketAt(0n, basis * WAD, beta * WAD);
const best = bucket(2n, 98n);
const middle = bucket(20n, 80n);
const loser = bucket(2n, 129n);
const short = (1n << 24n) | (best & 0xffffffn);
const buckets = [middle, loser, best, short].map((id) => ({ id, units: WAD }));

test("the queue of one side, best score first, then those without profit", () => {
  const { cells, columns, eligible } = drawQueue(buckets, 0n, at);
  expect(cells.map(({ id, rank }) => [id, rank])).toEqual([
    [best, 1],
    [middle, 2],
    [loser, 0],
  ]);
  expect(eligible).toBe(2);
  expect(columns).toHaveLength(2);
  expect(cells.map(({ isLiquidatable }) => isLiquidatable)).toEqual([false, false, true]);
  expect(cells[0]?.score).toBe(scoreOf(best, at.price, at.funding));
});

test("more equity stands higher, more margin further right, more units wider", () => {
  const { cells } = drawQueue([...buckets, { id: bucket(2n, 99n), units: 4n * WAD }], 0n, at);
  const of = (id: bigint) => cells.find((cell) => cell.id === id);
  expect(of(best)?.y).toBeGreaterThan(of(loser)?.y ?? 1);
  expect(of(middle)?.x).toBeGreaterThan(of(best)?.x ?? 1);
  expect(of(bucket(2n, 99n))?.width).toBeGreaterThan(of(best)?.width ?? 1);
});

test("nearest finds the cell under the pointer", () => {
  const { cells } = drawQueue(buckets, 0n, at);
  for (const cell of cells) expect(nearest(cells, cell.x * 400, (1 - cell.y) * 200, 400, 200)).toBe(cell);
  expect(nearest([], 1, 1, 400, 200)).toBeUndefined();
});

test("an empty side is an empty picture", () => {
  expect(drawQueue([], 0n, at)).toEqual({ cells: [], columns: [], eligible: 0 });
});
