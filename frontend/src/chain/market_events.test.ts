import { encodeAbiParameters, encodeEventTopics, numberToHex, parseEventLogs, type AbiEvent, type RpcLog } from "viem";
import { expect, test } from "vitest";
import { marketAbi } from "../generated/abis";
import { MARKET_EVENTS, type MarketEventName } from "../lib/history/events";
import { MARKET_SIGNATURES, toMarketEvent } from "./market_events";

/** A value for each parameter of a market's events, told apart by `i`. */
function valueOf(type: string, i: number): unknown {
  if (type === "bool") return i % 2 === 1;
  if (type === "address") return `0x${i.toString(16).padStart(40, "0")}`;
  return type.startsWith("int") ? BigInt(-1 - i) : BigInt(1 + i);
}

interface Parameter {
  type: string;
  name?: string | undefined;
  components?: readonly Parameter[] | undefined;
}

const fill = ({ type, components }: Parameter, i: number): unknown =>
  components === undefined
    ? valueOf(type, i)
    : Object.fromEntries(components.map((part, j) => [part.name, valueOf(part.type, j)]));

function logOf(eventName: MarketEventName): RpcLog {
  const { inputs } = marketAbi.find((item) => item.type === "event" && item.name === eventName) as AbiEvent;
  const args = Object.fromEntries(inputs.map((input, i) => [input.name, fill(input, i)]));
  const rest = inputs.filter(({ indexed }) => !indexed);
  return {
    address: "0x00000000000000000000000000000000000000aa",
    topics: encodeEventTopics({ abi: marketAbi, eventName, args } as never) as RpcLog["topics"],
    data: encodeAbiParameters(
      rest,
      rest.map(({ name }) => args[name ?? ""]),
    ),
    blockNumber: "0x11",
    blockTimestamp: "0x22",
    blockHash: numberToHex(3, { size: 32 }),
    transactionHash: numberToHex(4, { size: 32 }),
    transactionIndex: "0x0",
    logIndex: "0x5",
    removed: false,
  };
}

test.each(MARKET_EVENTS)("%s is read as viem reads it", (eventName) => {
  const log = logOf(eventName);
  const [expected] = parseEventLogs({ abi: marketAbi, logs: [log as never] });
  expect(toMarketEvent(log)).toEqual({
    eventName,
    args: expected?.args,
    block: 0x11n,
    time: 0x22n,
    logIndex: 5,
    transaction: log.transactionHash,
  });
  expect(MARKET_SIGNATURES).toContain(log.topics[0]);
});

test("a log of something else is none of the market's", () => {
  const log = { ...logOf("Settling"), topics: [numberToHex(1, { size: 32 })] } as RpcLog;
  expect(toMarketEvent(log)).toBeNull();
});

test("data that do not fit are not guessed at", () => {
  expect(() => toMarketEvent({ ...logOf("Deleveraged"), data: "0x00" })).toThrow();
});
