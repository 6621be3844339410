/** A market's logs become events. All of them are read at each load, so the signatures are worked out once, not for each. */
import {
  decodeAbiParameters,
  encodeEventTopics,
  getAbiItem,
  hexToBigInt,
  hexToNumber,
  type AbiEvent,
  type AbiParameter,
  type Hex,
  type RpcLog,
} from "viem";
import { marketAbi } from "../generated/abis";
import { MARKET_EVENTS, type MarketEvent, type MarketEventName } from "../lib/history/events";

interface Shape {
  eventName: MarketEventName;
  indexed: readonly AbiParameter[];
  rest: readonly AbiParameter[];
}

const SHAPES = new Map<Hex, Shape>(
  MARKET_EVENTS.map((eventName) => {
    const { inputs } = getAbiItem({ abi: marketAbi, name: eventName }) as AbiEvent;
    const shape = {
      eventName,
      indexed: inputs.filter(({ indexed }) => indexed),
      rest: inputs.filter(({ indexed }) => !indexed),
    };
    return [encodeEventTopics({ abi: marketAbi, eventName })[0] as Hex, shape];
  }),
);

export const MARKET_SIGNATURES: Hex[] = [...SHAPES.keys()];

function argsOf({ indexed, rest }: Shape, log: RpcLog): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [i, input] of indexed.entries())
    args[input.name ?? ""] = decodeAbiParameters([input], log.topics[i + 1] ?? "0x")[0];
  const values = decodeAbiParameters(rest, log.data) as readonly unknown[];
  for (const [i, input] of rest.entries()) args[input.name ?? ""] = values[i];
  return args;
}

/** Null for a log of something else. Throws if its data do not fit its signature. */
export function toMarketEvent(log: RpcLog): MarketEvent | null {
  const shape = SHAPES.get(log.topics[0] ?? "0x");
  if (shape === undefined) return null;
  return {
    eventName: shape.eventName,
    args: argsOf(shape, log),
    block: hexToBigInt(log.blockNumber ?? "0x0"),
    logIndex: hexToNumber(log.logIndex ?? "0x0"),
    transaction: log.transactionHash ?? "0x",
    time: hexToBigInt(log.blockTimestamp ?? "0x0"),
  } as MarketEvent;
}
