/** Event logs, read once and then only from the block where the last reading ended. */
import { useQuery } from "@tanstack/react-query";
import { formatLog, numberToHex, type Hex, type Log, type RpcLog } from "viem";
import type { Address } from "../lib/deployment";
import { usePlimsoll, type Client, type Plimsoll } from "./context";

/** Nodes refuse wider ranges. */
const MAX_RANGE = 9_000n;

export interface LogScan {
  nextBlock: bigint;
  logs: readonly Log[];
}

const POLL_MS = 1_000;

export interface LogFilter {
  address: Address | Address[];
  topics: (Hex | Hex[] | null)[];
}

/** The logs from `from` up to the newest block, whole blocks only, and the block to go on from. */
async function readLogs(client: Client, from: bigint, filter: LogFilter) {
  const newest = await client.getBlockNumber();
  const logs: RpcLog[] = [];
  let nextBlock = from;
  while (nextBlock <= newest) {
    const end = nextBlock + MAX_RANGE;
    const to = end < newest ? end : newest;
    logs.push(
      ...(await client.request({
        method: "eth_getLogs",
        params: [{ ...filter, fromBlock: numberToHex(nextBlock), toBlock: numberToHex(to) }],
      })),
    );
    nextBlock = to + 1n;
  }
  return { nextBlock, logs };
}

async function follow({ client, scans }: Plimsoll, name: string, start: () => Promise<bigint>, filter: LogFilter) {
  const scan = scans.get(name) ?? { nextBlock: await start(), logs: [] };
  const { nextBlock, logs } = await readLogs(client, scan.nextBlock, filter);
  const all = logs.length === 0 ? scan.logs : [...scan.logs, ...logs.map((log) => formatLog(log) as Log)];
  scans.set(name, { nextBlock, logs: all });
  return all;
}

const NONE: readonly Log[] = [];

/** The logs of `filter`, from the block that `start` gives, the same array until there are more. */
export function useLogs(name: string | null, start: () => Promise<bigint>, filter: LogFilter): readonly Log[] {
  const plimsoll = usePlimsoll();
  const { data } = useQuery({
    queryKey: ["logs", name],
    queryFn: () => (name === null ? NONE : follow(plimsoll, name, start, filter)),
    enabled: name !== null,
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
    structuralSharing: false,
  });
  return data ?? NONE;
}

export interface TimedLog extends Log {
  time: bigint;
}

/**
 * Reads logs as they come, each once, in the order of the chain, with the time of their block. Readings that are asked for
 * while one is under way get that one.
 */
export class LogReader {
  private nextBlock: bigint;
  private reading: Promise<void> | null = null;
  private readonly times = new Map<bigint, bigint>();

  constructor(
    private readonly client: Client,
    startBlock: bigint,
    private readonly filter: LogFilter,
    private readonly onLogs: (logs: TimedLog[]) => void,
  ) {
    this.nextBlock = startBlock;
  }

  read(): Promise<void> {
    this.reading ??= this.advance().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async advance(): Promise<void> {
    const { nextBlock, logs } = await readLogs(this.client, this.nextBlock, this.filter);
    const timed = await Promise.all(
      logs.map(async (raw) => {
        const log = formatLog(raw) as Log;
        return { ...log, time: log.blockTimestamp ?? (await this.timeOf(log.blockNumber ?? 0n)) };
      }),
    );
    this.nextBlock = nextBlock;
    if (timed.length > 0) this.onLogs(timed);
  }

  /** For nodes that do not tell it with the log. */
  private async timeOf(block: bigint): Promise<bigint> {
    const known = this.times.get(block);
    if (known !== undefined) return known;
    const { timestamp } = await this.client.getBlock({ blockNumber: block });
    this.times.set(block, timestamp);
    return timestamp;
  }
}
