/** A market's events as they are read from the chain. Everything in this folder is worked out from them alone. */
import type { ContractEventName, Log } from "viem";
import type { marketAbi } from "../../generated/abis";

export const MARKET_EVENTS = [
  "PriceRound",
  "Traded",
  "MarginChanged",
  "BucketChanged",
  "Liquidated",
  "Deleveraged",
  "Collected",
  "RewardPaid",
  "Settling",
  "ParamsSet",
] as const satisfies ContractEventName<typeof marketAbi>[];

export type MarketEventName = (typeof MARKET_EVENTS)[number];

type Decoded<name extends MarketEventName> = Log<bigint, number, false, undefined, true, typeof marketAbi, name>;

/** Where and when: `time` is the block's, in Unix seconds. */
export interface Place {
  block: bigint;
  logIndex: number;
  transaction: `0x${string}`;
  time: bigint;
}

export type MarketEvent<name extends MarketEventName = MarketEventName> = {
  [key in name]: Place & { eventName: key; args: Decoded<key>["args"] };
}[name];
