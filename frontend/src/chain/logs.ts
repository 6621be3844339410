/** Event logs, read once and then only from the block where the last reading ended. */
import { numberToHex, type Hex, type RpcLog } from "viem";
import type { Address } from "../lib/deployment";
import type { Client } from "./context";

/** Nodes refuse wider ranges. */
const MAX_RANGE = 9_000n;

export interface LogScan {
  nextBlock: bigint;
  logs: RpcLog[];
}

/** Continues `scan` up to the newest block; gives the same object back when nothing is new. */
export async function continueScan(
  client: Client,
  scan: LogScan,
  address: Address,
  topics: (Hex | Hex[] | null)[],
): Promise<LogScan> {
  const newest = await client.getBlockNumber();
  const found: RpcLog[] = [];
  let from = scan.nextBlock;
  while (from <= newest) {
    const end = from + MAX_RANGE;
    const to = end < newest ? end : newest;
    found.push(
      ...(await client.request({
        method: "eth_getLogs",
        params: [{ address, topics, fromBlock: numberToHex(from), toBlock: numberToHex(to) }],
      })),
    );
    from = to + 1n;
  }
  if (found.length === 0 && from === scan.nextBlock) return scan;
  return { nextBlock: from, logs: found.length === 0 ? scan.logs : [...scan.logs, ...found] };
}
