/** Index prices as they were published on chain. */
import { encodeEventTopics, parseEventLogs, type Hex, type Log } from "viem";
import { priceFeedAbi } from "../generated/abis";
import type { PricePoint } from "../lib/candles";
import type { Hash } from "../lib/deployment";
import { usePlimsoll } from "./context";
import { useDecodedLogs } from "./logs";

/** How far back the chart goes: two hours of one-second blocks, and as many prices. */
const MAX_BLOCKS = 7_200;
const [SIGNATURE] = encodeEventTopics({ abi: priceFeedAbi, eventName: "PriceUpdated" });

const decode = (logs: Log[]): PricePoint[] =>
  parseEventLogs({ abi: priceFeedAbi, eventName: "PriceUpdated", logs }).map(({ args }) => ({
    price: args.price,
    publishedAt: args.published_at,
  }));

export function usePrices(feed: Hash): readonly PricePoint[] {
  const { deployment } = usePlimsoll();
  const start = (newest: bigint) => {
    const earliest = newest > MAX_BLOCKS ? newest - BigInt(MAX_BLOCKS) : 0n;
    return earliest > deployment.startBlock ? earliest : deployment.startBlock;
  };
  const filter = { address: deployment.contracts.PriceFeed, topics: [SIGNATURE as Hex, feed] };
  return useDecodedLogs(`prices of ${feed}`, { start, filter, decode, most: MAX_BLOCKS });
}
