import { describe, expect, test } from "vitest";
import { CONTRACT_NAMES, identity, parseDeployment } from "./deployment";

const address = (digit: string) => `0x${digit.repeat(40)}`;

function file(): Record<string, unknown> {
  return {
    network: "local",
    chain_id: 31337,
    genesis_hash: `0x${"ab".repeat(32)}`,
    start_block: 3,
    rpc_url: "http://127.0.0.1:8645",
    collateral: { symbol: "USDC", decimals: 6 },
    contracts: Object.fromEntries(CONTRACT_NAMES.map((name) => [name, address("1")])),
    markets: { BTC: { address: address("2"), feed: `0x${"cd".repeat(32)}`, feed_name: "BTC-USD" } },
  };
}

test("a good file is read", () => {
  const deployment = parseDeployment(file());
  expect(deployment.chainId).toBe(31337);
  expect(deployment.startBlock).toBe(3n);
  expect(deployment.markets).toEqual([
    { symbol: "BTC", address: address("2"), feed: `0x${"cd".repeat(32)}`, feedName: "BTC-USD" },
  ]);
});

describe("a bad file is refused by the name of what is wrong", () => {
  test.each([
    [{}, "chain_id"],
    [{ chain_id: "x" }, "chain_id"],
    [{ genesis_hash: "0x12" }, "genesis_hash"],
    [{ rpc_url: "ftp://127.0.0.1" }, "rpc_url"],
    [{ contracts: {} }, "contracts.CollateralToken"],
    [{ markets: {} }, "markets"],
    [{ markets: { BTC: { address: "0x" } } }, "markets.BTC.address"],
    [{ collateral: { symbol: "USDC", decimals: 24 } }, "collateral.decimals"],
    [{ collateral: { symbol: "", decimals: 6 } }, "collateral.symbol"],
  ])("%j", (change, name) => {
    const bad: Record<string, unknown> = { ...file(), ...change };
    if (Object.keys(change).length === 0) delete bad.chain_id;
    expect(() => parseDeployment(bad)).toThrow(name);
  });

  test.each([null, [], "text", 3])("%j is no file", (value) => expect(() => parseDeployment(value)).toThrow("content"));
});

test("identity changes with the chain and with every address, and with nothing else", () => {
  const first = identity(parseDeployment(file()));
  expect(identity(parseDeployment({ ...file(), start_block: 9 }))).toBe(first);
  expect(identity(parseDeployment({ ...file(), genesis_hash: `0x${"00".repeat(32)}` }))).not.toBe(first);
  const moved = { ...file(), contracts: { ...(file().contracts as object), Lens: address("9") } };
  expect(identity(parseDeployment(moved))).not.toBe(first);
});
