import { numberToHex, type Hex, type RpcLog } from "viem";
import { beforeEach, describe, expect, test } from "vitest";
import type { Client } from "./context";
import { LogScan } from "./log_scan";
import type { Chunk, LogStore } from "./log_store";

const ADDRESS = "0x00000000000000000000000000000000000000aa";
const FILTER = { address: ADDRESS, topics: [] } as const;

/** A chain with a log in every tenth block. `fork` tells two histories apart. */
class Node {
  readonly asked: bigint[] = [];
  failsFrom = Number.POSITIVE_INFINITY;
  private forks: number[] = [];

  constructor(length: number) {
    this.grow(length);
  }

  grow(count: number, fork = 0): void {
    for (let i = 0; i < count; i += 1) this.forks.push(fork);
  }

  cut(length: number): void {
    this.forks = this.forks.slice(0, length);
  }

  get newest(): number {
    return this.forks.length - 1;
  }

  private hash(block: number): Hex {
    return numberToHex(block * 10 + (this.forks[block] ?? 9), { size: 32 });
  }

  private log(block: number): RpcLog {
    const place = { blockNumber: numberToHex(block), blockHash: this.hash(block), blockTimestamp: numberToHex(block) };
    const transaction = { transactionHash: this.hash(block), transactionIndex: "0x0", logIndex: "0x0" } as const;
    return { address: ADDRESS, topics: [], data: this.hash(block), removed: false, ...place, ...transaction };
  }

  private logs(from: bigint, to: bigint): RpcLog[] {
    this.asked.push(from);
    if (to >= this.failsFrom) throw new Error("the node does not answer");
    const found: RpcLog[] = [];
    for (let block = Number(from); block <= to; block += 1) if (block % 10 === 0) found.push(this.log(block));
    return found;
  }

  client(): Client {
    const at = (block: number) => ({ number: BigInt(block), hash: this.hash(block), parentHash: this.hash(block - 1) });
    return {
      getBlock: async () => at(this.newest),
      request: async ({ method, params }: { method: string; params: unknown[] }) => {
        if (method === "eth_getLogs") {
          const { fromBlock, toBlock } = params[0] as { fromBlock: Hex; toBlock: Hex };
          return this.logs(BigInt(fromBlock), BigInt(toBlock));
        }
        return Number(params[0]) > this.newest ? null : at(Number(params[0]));
      },
    } as unknown as Client;
  }
}

class Shelf implements LogStore {
  readonly chunks = new Map<bigint, Chunk>();
  load = async () => [...this.chunks.values()].toSorted((a, b) => Number(a.from - b.from));
  save = async (_: string, chunk: Chunk) => void this.chunks.set(chunk.from, structuredClone(chunk));
  remove = async (_: string, from: bigint) => void this.chunks.delete(from);
}

/** What a page holds after its readings: the data of its logs. */
class Page {
  data: string[] = [];
  timesAnew = 0;
  readonly scan: LogScan;

  constructor(node: Node, shelf: Shelf, start = 0n) {
    this.scan = new LogScan(
      node.client(),
      shelf,
      () => start,
      { ...FILTER, topics: [] },
      (logs, isAnew) => {
        if (isAnew) this.data = [];
        if (isAnew) this.timesAnew += 1;
        this.data.push(...logs.map(({ data }) => data));
      },
    );
  }
}

/** What a page without a memory would hold. */
async function truth(node: Node, start = 0n): Promise<string[]> {
  const page = new Page(node, new Shelf(), start);
  await page.scan.read();
  return page.data;
}

let node: Node;
let shelf: Shelf;

beforeEach(() => {
  node = new Node(300);
  shelf = new Shelf();
});

describe("LogScan", () => {
  test("reads everything, then only what is new", async () => {
    const page = new Page(node, shelf);
    await page.scan.read();
    expect(page.data).toHaveLength(30);
    node.grow(25);
    await Promise.all([page.scan.read(), page.scan.read()]);
    expect(node.asked).toEqual([0n, 300n]);
    expect(page.data).toEqual(await truth(node));
    expect(page.timesAnew).toBe(1);
  });

  test("a reload asks for the unsettled blocks alone", async () => {
    await new Page(node, shelf).scan.read();
    node.grow(10);
    node.asked.splice(0);
    const again = new Page(node, shelf);
    await again.scan.read();
    expect(node.asked).toEqual([268n]);
    expect(again.data).toEqual(await truth(node));
  });

  test("what settles while the page is open is kept too, in chunks that grow", async () => {
    const page = new Page(node, shelf);
    for (let i = 0; i < 40; i += 1) {
      await page.scan.read();
      node.grow(100);
    }
    expect(shelf.chunks.size).toBe(2);
    node.asked.splice(0);
    const again = new Page(node, shelf);
    await again.scan.read();
    expect(node.asked[0]).toBeGreaterThan(BigInt(node.newest - 200));
    expect(again.data).toEqual(await truth(node));
  });

  test("a long history comes in ranges that nodes allow, and each is kept", async () => {
    node = new Node(20_000);
    node.failsFrom = 19_000;
    const page = new Page(node, shelf);
    await expect(page.scan.read()).rejects.toThrow("does not answer");
    expect(node.asked).toEqual([0n, 9_001n, 18_002n]);
    expect(page.data).toEqual([]);
    node.failsFrom = Number.POSITIVE_INFINITY;
    node.asked.splice(0);
    await page.scan.read();
    expect(node.asked).toEqual([18_002n]);
    expect(page.data).toEqual(await truth(node));
  });

  test("a reading that fails loses and repeats nothing", async () => {
    const page = new Page(node, shelf);
    await page.scan.read();
    node.grow(100);
    node.failsFrom = 350;
    await expect(page.scan.read()).rejects.toThrow("does not answer");
    node.failsFrom = Number.POSITIVE_INFINITY;
    await page.scan.read();
    expect(page.data).toEqual(await truth(node));
  });
});

describe("LogScan on a chain that takes blocks back", () => {
  test("young ones while the page is open: it begins anew with what is kept", async () => {
    const page = new Page(node, shelf);
    await page.scan.read();
    node.cut(285);
    node.grow(30, 1);
    node.asked.splice(0);
    await page.scan.read();
    expect(node.asked).toEqual([268n]);
    expect(page.timesAnew).toBe(2);
    expect(page.data).toEqual(await truth(node));
  });

  test("old ones: what is kept of them goes, what is before stays", async () => {
    node = new Node(20_000);
    await new Page(node, shelf).scan.read();
    expect(shelf.chunks.size).toBe(3);
    node.cut(15_000);
    node.grow(6_000, 1);
    node.asked.splice(0);
    const again = new Page(node, shelf);
    await again.scan.read();
    expect(node.asked[0]).toBe(9_001n);
    expect(again.data).toEqual(await truth(node));
  });

  test("one that is shorter than what is kept", async () => {
    await new Page(node, shelf).scan.read();
    node.cut(100);
    const again = new Page(node, shelf);
    await again.scan.read();
    expect(again.data).toEqual(await truth(node));
    expect(again.data).toHaveLength(10);
  });

  test("a node that lags behind another one changes nothing", async () => {
    const page = new Page(node, shelf);
    await page.scan.read();
    const before = [...page.data];
    node.cut(290);
    await page.scan.read();
    expect(page.data).toEqual(before);
    expect(page.timesAnew).toBe(1);
  });
});

describe("LogScan with a start that moves on", () => {
  test("leaves out what lies before, and reads anew over a gap", async () => {
    await new Page(node, shelf).scan.read();
    const later = new Page(node, shelf, 150n);
    await later.scan.read();
    expect(later.data).toEqual(await truth(node, 150n));
    node.grow(700);
    node.asked.splice(0);
    const last = new Page(node, shelf, 800n);
    await last.scan.read();
    expect(node.asked).toEqual([800n]);
    expect(last.data).toEqual(await truth(node, 800n));
  });
});
