/** Index prices as they were published on chain. */
import { useMemo } from "react";
import { encodeEventTopics, parseEventLogs, type Hex } from "viem";
import { priceFeedAbi } from "../generated/abis";
import type { PricePoint } from "../lib/candles";
import type { Hash } from "../lib/deployment";
import { usePlimsoll } from "./context";
import { useLogs } from "./logs";

/** How far back the chart goes: two hours of one-second blocks. */
const MAX_BLOCKS = 7_200n;
const [SIGNATURE] = encodeEventTopics({ abi: priceFeedAbi, eventName: "PriceUpdated" });

export function usePrices(feed: Hash): PricePoint[] {
  const { deployment } = usePlimsoll();
  const start = (newest: bigint) => {
    const earliest = newest > MAX_BLOCKS ? newest - MAX_BLOCKS : 0n;
    return earliest > deployment.startBlock ? earliest : deployment.startBlock;
  };
  const logs = useLogs(`prices of ${feed}`, start, {
    address: deployment.contracts.PriceFeed,
    topics: [SIGNATURE as Hex, feed],
  });
  return useMemo(
    () =>
      parseEventLogs({ abi: priceFeedAbi, eventName: "PriceUpdated", logs: [...logs] }).map((log) => ({
        price: log.args.price,
        publishedAt: log.args.published_at,
      })),
    [logs],
  );
}
