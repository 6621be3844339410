/** Index prices as they were published on chain. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { encodeEventTopics, formatLog, parseEventLogs, type Hex, type Log } from "viem";
import { priceFeedAbi } from "../generated/abis";
import type { PricePoint } from "../lib/candles";
import type { Hash } from "../lib/deployment";
import { usePlimsoll } from "./context";
import { continueScan, type LogScan } from "./logs";

const POLL_MS = 1_000;
/** How far back the chart goes: two hours of one-second blocks. */
const MAX_BLOCKS = 7_200n;

export function usePrices(feed: Hash): PricePoint[] {
  const { client, deployment } = usePlimsoll();
  const scan = useRef<{ feed: Hash; scan: LogScan } | null>(null);
  const { data: logs } = useQuery({
    queryKey: ["prices", feed],
    queryFn: async () => {
      let start = scan.current?.feed === feed ? scan.current.scan : null;
      if (start === null) {
        const newest = await client.getBlockNumber();
        const earliest = newest > MAX_BLOCKS ? newest - MAX_BLOCKS : 0n;
        start = { nextBlock: earliest > deployment.startBlock ? earliest : deployment.startBlock, logs: [] };
      }
      const [signature] = encodeEventTopics({ abi: priceFeedAbi, eventName: "PriceUpdated" });
      const next = await continueScan(client, start, deployment.contracts.PriceFeed, [signature as Hex, feed]);
      scan.current = { feed, scan: next };
      return next.logs;
    },
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
    structuralSharing: false,
  });
  return useMemo(
    () =>
      parseEventLogs({
        abi: priceFeedAbi,
        eventName: "PriceUpdated",
        logs: (logs ?? []).map((log) => formatLog(log) as Log),
      }).map((log) => ({ price: log.args.price, publishedAt: log.args.published_at })),
    [logs],
  );
}
