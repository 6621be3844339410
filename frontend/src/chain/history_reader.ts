/** Reads the events of all markets once, then follows them. */
import { encodeEventTopics, parseEventLogs, type Hex } from "viem";
import { marketAbi } from "../generated/abis";
import type { Deployment } from "../lib/deployment";
import { MARKET_EVENTS, type MarketEvent } from "../lib/history/events";
import { MarketHistory } from "../lib/history/market";
import type { Client } from "./context";
import { LogReader, type TimedLog } from "./logs";

const SIGNATURES = MARKET_EVENTS.map((eventName) => encodeEventTopics({ abi: marketAbi, eventName })[0] as Hex);

/** `log.time` belongs to the log before decoding; viem keeps what it does not know. */
function toEvents(logs: TimedLog[]): MarketEvent[] {
  return parseEventLogs({ abi: marketAbi, eventName: [...MARKET_EVENTS], logs }).map(
    (log) =>
      ({
        eventName: log.eventName,
        args: log.args,
        block: log.blockNumber ?? 0n,
        logIndex: log.logIndex ?? 0,
        transaction: log.transactionHash ?? "0x",
        time: (log as unknown as TimedLog).time,
      }) as MarketEvent,
  );
}

/** One for each deployment; it outlives the pages that look at it. */
export class HistoryReader {
  readonly markets = new Map<string, MarketHistory>();
  /** Raised whenever something came in. */
  version = 0;
  private readonly reader: LogReader;

  constructor(client: Client, deployment: Deployment) {
    for (const { address } of deployment.markets)
      this.markets.set(address.toLowerCase(), new MarketHistory(deployment.collateral.decimals));
    this.reader = new LogReader(
      client,
      deployment.startBlock,
      { address: deployment.markets.map(({ address }) => address), topics: [SIGNATURES] },
      (logs) => this.take(logs),
    );
  }

  async read(): Promise<number> {
    await this.reader.read();
    return this.version;
  }

  private take(logs: TimedLog[]): void {
    for (const [address, market] of this.markets)
      market.take(toEvents(logs.filter((log) => log.address.toLowerCase() === address)));
    this.version += 1;
  }
}
