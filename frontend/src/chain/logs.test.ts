import { numberToHex, type Log, type RpcLog } from "viem";
import { expect, test } from "vitest";
import { Gathered } from "./logs";

const logs = (...blocks: number[]): RpcLog[] =>
  blocks.map((block) => ({
    address: "0x00000000000000000000000000000000000000aa",
    topics: [],
    data: "0x",
    blockNumber: numberToHex(block),
    blockHash: numberToHex(block, { size: 32 }),
    transactionHash: numberToHex(block, { size: 32 }),
    transactionIndex: "0x0",
    logIndex: "0x0",
    blockTimestamp: "0x0",
    removed: false,
  }));

/** Tells of how many logs it was asked in all. */
function counting() {
  const asked: bigint[] = [];
  const decode = (found: Log[]) => {
    const blocks = found.map(({ blockNumber }) => blockNumber ?? -1n);
    asked.push(...blocks);
    return blocks;
  };
  return { asked, decode };
}

test("each log is decoded once, however many follow", () => {
  const { asked, decode } = counting();
  const gathered = new Gathered(decode, 9);
  for (const block of [1, 2, 3]) gathered.take(logs(block), block === 1);
  expect(gathered.items).toEqual([1n, 2n, 3n]);
  expect(asked).toEqual([1n, 2n, 3n]);
});

test("the oldest go", () => {
  const gathered = new Gathered(counting().decode, 3);
  gathered.take(logs(1, 2), true);
  gathered.take(logs(3, 4), false);
  expect(gathered.items).toEqual([2n, 3n, 4n]);
  gathered.take(logs(5, 6, 7, 8), false);
  expect(gathered.items).toEqual([6n, 7n, 8n]);
});

test("what comes anew takes the place of all, as when a chain takes blocks back", () => {
  const gathered = new Gathered(counting().decode, Number.POSITIVE_INFINITY);
  gathered.take(logs(1, 2, 3), true);
  gathered.take(logs(1, 4), true);
  expect(gathered.items).toEqual([1n, 4n]);
});
