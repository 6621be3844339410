/** The deployments file: what the page knows about a chain before it asks it anything. */

export type Address = `0x${string}`;
export type Hash = `0x${string}`;

export const CONTRACT_NAMES = [
  "CollateralToken",
  "MarginPool",
  "OrderBook",
  "Vault",
  "InsuranceFund",
  "RecoveryToken",
  "PriceFeed",
  "Lens",
  "CapitalLens",
] as const;
export type ContractName = (typeof CONTRACT_NAMES)[number];

export interface MarketInfo {
  symbol: string;
  address: Address;
  feed: Hash;
  feedName: string;
}

export interface Deployment {
  network: string;
  chainId: number;
  genesisHash: Hash;
  startBlock: bigint;
  rpcUrl: string;
  collateral: { symbol: string; decimals: number };
  contracts: Record<ContractName, Address>;
  markets: MarketInfo[];
}

export class DeploymentError extends Error {}

function fail(what: string): never {
  throw new DeploymentError(what);
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${name} is missing`);
  return value as Record<string, unknown>;
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") fail(`${name} is missing`);
  return value;
}

function whole(value: unknown, name: string): bigint {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === "string" && /^\d+$/.test(value)) return BigInt(value);
  return fail(`${name} is not a whole number`);
}

function hex(value: unknown, bytes: number, name: string): `0x${string}` {
  const found = text(value, name);
  if (!new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`).test(found)) fail(`${name} is not ${bytes} bytes in hex`);
  return found as `0x${string}`;
}

/** Checks every field the page uses. Throws `DeploymentError` naming the first that is wrong. */
export function parseDeployment(json: unknown): Deployment {
  const root = record(json, "the file's content");
  const collateral = record(root.collateral, "collateral");
  const decimals = Number(whole(collateral.decimals, "collateral.decimals"));
  if (decimals > 18) fail("collateral.decimals is above 18");
  const contracts = record(root.contracts, "contracts");
  const markets = Object.entries(record(root.markets, "markets"));
  if (markets.length === 0) fail("markets is empty");
  const url = text(root.rpc_url, "rpc_url");
  if (!/^https?:\/\//.test(url)) fail("rpc_url is not an http address");
  return {
    network: text(root.network, "network"),
    chainId: Number(whole(root.chain_id, "chain_id")),
    genesisHash: hex(root.genesis_hash, 32, "genesis_hash"),
    startBlock: whole(root.start_block, "start_block"),
    rpcUrl: url,
    collateral: { symbol: text(collateral.symbol, "collateral.symbol"), decimals },
    contracts: Object.fromEntries(
      CONTRACT_NAMES.map((name) => [name, hex(contracts[name], 20, `contracts.${name}`)]),
    ) as Record<ContractName, Address>,
    markets: markets.map(([symbol, value]) => {
      const market = record(value, `markets.${symbol}`);
      return {
        symbol,
        address: hex(market.address, 20, `markets.${symbol}.address`),
        feed: hex(market.feed, 32, `markets.${symbol}.feed`),
        feedName: text(market.feed_name, `markets.${symbol}.feed_name`),
      };
    }),
  };
}

/** Two files with the same identity are the same chain and contracts: nothing cached needs to go. */
export function identity(deployment: Deployment): string {
  return [
    deployment.genesisHash,
    deployment.rpcUrl,
    ...Object.values(deployment.contracts),
    ...deployment.markets.map((market) => market.address),
  ].join("|");
}
