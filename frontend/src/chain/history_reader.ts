/** Reads the events of all markets once, then follows them. */
import type { RpcLog } from "viem";
import type { Deployment } from "../lib/deployment";
import { MarketHistory } from "../lib/history/market";
import type { Client } from "./context";
import { LogScan } from "./log_scan";
import type { LogStore } from "./log_store";
import { MARKET_SIGNATURES, toMarketEvent } from "./market_events";

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
    const filter = { address: deployment.markets.map(({ address }) => address), topics: [MARKET_SIGNATURES] };
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
    for (const [address, market] of this.markets) {
      const own = logs.filter((log) => log.address.toLowerCase() === address);
      market.take(own.map(toMarketEvent).filter((event) => event !== null));
    }
    this.version += 1;
  }
}
