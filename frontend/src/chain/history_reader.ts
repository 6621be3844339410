/** Reads the events of all markets once, then follows them. */
import { encodeEventTopics, formatLog, parseEventLogs, type Hex, type Log, type RpcLog } from "viem";
import { marketAbi } from "../generated/abis";
import type { Deployment } from "../lib/deployment";
import { MARKET_EVENTS, type MarketEvent } from "../lib/history/events";
import { MarketHistory } from "../lib/history/market";
import type { Client } from "./context";
import { LogScan } from "./log_scan";
import type { LogStore } from "./log_store";

const SIGNATURES = MARKET_EVENTS.map((eventName) => encodeEventTopics({ abi: marketAbi, eventName })[0] as Hex);

function toEvents(logs: Log[]): MarketEvent[] {
  return parseEventLogs({ abi: marketAbi, eventName: [...MARKET_EVENTS], logs }).map(
    (log) =>
      ({
        eventName: log.eventName,
        args: log.args,
        block: log.blockNumber ?? 0n,
        logIndex: log.logIndex ?? 0,
        transaction: log.transactionHash ?? "0x",
        time: log.blockTimestamp ?? 0n,
      }) as MarketEvent,
  );
}

/** One for each deployment; it outlives the pages that look at it. */
export class HistoryReader {
  readonly markets = new Map<string, MarketHistory>();
  /** Raised whenever something came in. */
  version = 0;
  private readonly scan: LogScan;

  constructor(
    client: Client,
    store: LogStore,
    private readonly deployment: Deployment,
  ) {
    const filter = { address: deployment.markets.map(({ address }) => address), topics: [SIGNATURES] };
    this.scan = new LogScan(client, store, () => deployment.startBlock, filter, (logs, isAnew) => {
      if (isAnew) this.clear();
      this.take(logs);
    });
    this.clear();
  }

  async read(): Promise<number> {
    await this.scan.read();
    return this.version;
  }

  private clear(): void {
    for (const { address } of this.deployment.markets)
      this.markets.set(address.toLowerCase(), new MarketHistory(this.deployment.collateral.decimals));
  }

  private take(logs: RpcLog[]): void {
    const formatted = logs.map((log) => formatLog(log) as Log);
    for (const [address, market] of this.markets)
      market.take(toEvents(formatted.filter((log) => log.address.toLowerCase() === address)));
    this.version += 1;
  }
}
