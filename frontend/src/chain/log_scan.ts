/** Reads event logs, each once: those that this browser keeps, then the chain's from there on. */
import { numberToHex, type Hex, type RpcLog } from "viem";
import type { Address } from "../lib/deployment";
import type { Client } from "./context";
import type { Chunk, LogStore } from "./log_store";

/** Nodes refuse wider ranges. */
const MAX_RANGE = 9_000n;
/** Younger blocks are not kept: a chain may still take them back. */
const SETTLED_BLOCKS = 32n;
/** A chunk with fewer logs grows instead of being followed by another. */
const FULL_CHUNK = 256;

export interface LogFilter {
  address: Address | Address[];
  topics: (Hex | Hex[] | null)[];
}

interface Block {
  number: bigint;
  hash: Hex;
}

/** How far the reading has come. */
interface Progress {
  /** The last chunk that is kept. */
  tail: Chunk | null;
  /** The first block that is not kept. */
  kept: bigint;
  /** Logs from there on. */
  young: RpcLog[];
  nextBlock: bigint;
}

const blockOf = (log: RpcLog): bigint => BigInt(log.blockNumber ?? 0);

export class LogScan {
  private progress: Progress | null = null;
  private last: Block | null = null;
  private reading: Promise<void> | null = null;
  private readonly times = new Map<Hex, Hex>();
  /** What is asked for is its name in the store: with another question nothing old comes back. */
  private readonly name: string;

  /**
   * `start` gives the first block that matters. `take` is given logs as they come, in the order of the chain; those that
   * are told `isAnew` are all there are, and what was given before is void.
   */
  constructor(
    private readonly client: Client,
    private readonly store: LogStore,
    private readonly start: (newest: bigint) => bigint,
    private readonly filter: LogFilter,
    private readonly take: (logs: RpcLog[], isAnew: boolean) => void,
  ) {
    this.name = JSON.stringify(filter);
  }

  /** Up to the newest block. Readings that are asked for while one is under way get that one. */
  read(): Promise<void> {
    this.reading ??= this.advance().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async advance(): Promise<void> {
    const newest = await this.client.getBlock();
    // One of several nodes behind one address may lag.
    if (this.last !== null && newest.number < this.last.number) return;
    const before = (await this.stands(newest)) ? this.progress : null;
    const [progress, logs] = before === null ? await this.recall(newest.number) : [{ ...before }, []];
    while (progress.nextBlock <= newest.number) {
      const end = progress.nextBlock + MAX_RANGE;
      const to = end < newest.number ? end : newest.number;
      const found = await this.ask(progress.nextBlock, to);
      logs.push(...found);
      progress.young = [...progress.young, ...found];
      progress.nextBlock = to + 1n;
      await this.keep(progress, newest.number);
    }
    this.progress = progress;
    this.last = { number: newest.number, hash: newest.hash };
    if (before === null || logs.length > 0) this.take(logs, before === null);
  }

  /** Whether the block at which the last reading ended is still in the chain. */
  private async stands(newest: Block & { parentHash: Hex }): Promise<boolean> {
    const { last } = this;
    if (last === null) return false;
    if (newest.number === last.number) return newest.hash === last.hash;
    if (newest.number === last.number + 1n) return newest.parentHash === last.hash;
    return ((await this.hashAt(last.number)) ?? last.hash) === last.hash;
  }

  /** Nothing where the node has no such block. */
  private async hashAt(block: bigint): Promise<Hex | null | undefined> {
    const params = [numberToHex(block), false] as [Hex, false];
    return (await this.client.request({ method: "eth_getBlockByNumber", params }))?.hash;
  }

  /** What is kept and still true: the newest chunk whose last block is in the chain vouches for those before it. */
  private async recall(newest: bigint): Promise<[Progress, RpcLog[]]> {
    const start = this.start(newest);
    const chunks = await this.store.load(this.name);
    const drop = (chunk: Chunk) => this.store.remove(this.name, chunk.from);
    for (let last = chunks.at(-1); last !== undefined; last = chunks.at(-1)) {
      if (last.to <= newest && (await this.hashAt(last.to)) === last.hash) break;
      await drop(last);
      chunks.pop();
    }
    while (chunks[0] !== undefined && chunks[0].to < start) {
      await drop(chunks[0]);
      chunks.shift();
    }
    if (chunks[0] !== undefined && chunks[0].from > start) await Promise.all(chunks.splice(0).map(drop));
    const tail = chunks.at(-1) ?? null;
    const kept = tail === null ? start : tail.to + 1n;
    const logs = chunks.flatMap((chunk) => chunk.logs).filter((log) => blockOf(log) >= start);
    return [{ tail, kept, young: [], nextBlock: kept }, logs];
  }

  /** Keeps what has settled, once that is worth writing. */
  private async keep(progress: Progress, newest: bigint): Promise<void> {
    const settled = newest - SETTLED_BLOCKS;
    const to = settled < progress.nextBlock ? settled : progress.nextBlock - 1n;
    if (to < progress.kept + SETTLED_BLOCKS) return;
    const hash = await this.hashAt(to);
    if (hash === null || hash === undefined) return;
    const { tail, kept, young } = progress;
    const logs = young.filter((log) => blockOf(log) <= to);
    const chunk =
      tail !== null && tail.logs.length < FULL_CHUNK
        ? { ...tail, to, hash, logs: [...tail.logs, ...logs] }
        : { from: kept, to, hash, logs };
    await this.store.save(this.name, chunk);
    progress.tail = chunk;
    progress.kept = to + 1n;
    progress.young = young.slice(logs.length);
  }

  /** Each with the time of its block, also from nodes that do not tell it with the log. */
  private async ask(from: bigint, to: bigint): Promise<RpcLog[]> {
    const range = { fromBlock: numberToHex(from), toBlock: numberToHex(to) };
    const logs = await this.client.request({ method: "eth_getLogs", params: [{ ...this.filter, ...range }] });
    return Promise.all(
      logs.map(async (log) => ({ ...log, blockTimestamp: log.blockTimestamp ?? (await this.timeAt(log)) })),
    );
  }

  private async timeAt({ blockHash, blockNumber }: RpcLog): Promise<Hex> {
    const known = this.times.get(blockHash ?? "0x");
    if (known !== undefined) return known;
    const { timestamp } = await this.client.getBlock({ blockNumber: BigInt(blockNumber ?? 0) });
    this.times.set(blockHash ?? "0x", numberToHex(timestamp));
    return numberToHex(timestamp);
  }
}
