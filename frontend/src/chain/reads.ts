/** What the screen shows, read at one block each time so that its numbers belong together. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { erc20Abi, type ContractFunctionReturnType } from "viem";
import {
  collateralTokenAbi,
  insuranceFundAbi,
  lensAbi,
  marginPoolAbi,
  marketAbi,
  orderBookAbi,
  vaultAbi,
} from "../generated/abis";
import type { Address, MarketInfo } from "../lib/deployment";
import { ceilDiv } from "../lib/fixed";
import { usePlimsoll, type Plimsoll } from "./context";
import { orReason, steadily } from "./errors";

const POLL_MS = 1_000;

export type MarketView = ContractFunctionReturnType<typeof lensAbi, "view", "market">;
export type PositionView = ContractFunctionReturnType<typeof lensAbi, "view", "position">;
export type AdlRank = ContractFunctionReturnType<typeof lensAbi, "view", "adl_rank">;
export type Quote = ContractFunctionReturnType<typeof lensAbi, "view", "quote">;
export type MarketParams = ContractFunctionReturnType<typeof marketAbi, "view", "params">;

export interface MarketState {
  info: MarketInfo;
  params: MarketParams;
  /** Null while the market cannot be valued, for the reason given. */
  view: MarketView | null;
  problem: string;
  /** What skin in the game and insurance would pay it at most now. */
  coverable: bigint;
}

export interface Venue {
  block: bigint;
  /** The chain's clock. Ages and expiries go by it, never by the computer's. */
  now: bigint;
  markets: MarketState[];
  /** What an order placed in the next block escrows for its keeper, at most. */
  keeperFee: bigint;
  vaultWorth: bigint | null;
  skinInTheGame: bigint;
  insurance: bigint;
  recoveryPot: bigint;
}

interface Head {
  number: bigint;
  timestamp: bigint;
  baseFeePerGas: bigint | null;
}

/** A base fee grows by an eighth in a block at most. */
const highestNextBaseFee = (block: Head): bigint => ceilDiv((block.baseFeePerGas ?? 0n) * 9n, 8n);

export interface HeldPosition {
  info: MarketInfo;
  view: PositionView;
  rank: AdlRank | null;
  /** Its place in the grid. */
  bucket: bigint;
}

/** RECOVER that an account has a claim to, beyond what its market could issue in a day. */
export interface Deferred {
  info: MarketInfo;
  waiting: bigint;
  /** Of it, what can be issued now. */
  now: bigint;
}

export interface Account {
  address: Address;
  gas: bigint;
  wallet: bigint;
  free: bigint;
  /** RECOVER, and what it would be paid now. */
  recovery: bigint;
  redeemable: bigint;
  deferred: Deferred[];
  positions: HeldPosition[];
}

async function readVenue({ client, deployment }: Plimsoll, block: Head): Promise<Venue> {
  const { contracts } = deployment;
  const at = { blockNumber: block.number } as const;
  const fund = { address: contracts.InsuranceFund, abi: insuranceFundAbi, ...at } as const;
  const [markets, keeperFee, vaultWorth, skinInTheGame, insurance, recoveryPot] = await Promise.all([
    Promise.all(
      deployment.markets.map(async (info): Promise<MarketState> => {
        const [params, coverable, view] = await Promise.all([
          client.readContract({ address: info.address, abi: marketAbi, functionName: "params", ...at }),
          client.readContract({ ...fund, functionName: "coverable", args: [info.address] }),
          orReason(() =>
            client.readContract({
              address: contracts.Lens,
              abi: lensAbi,
              functionName: "market",
              args: [info.address],
              ...at,
            }),
          ),
        ]);
        return typeof view === "string"
          ? { info, params, coverable, view: null, problem: view }
          : { info, params, coverable, view, problem: "" };
      }),
    ),
    client.readContract({
      address: contracts.OrderBook,
      abi: orderBookAbi,
      functionName: "keeper_fee",
      args: [highestNextBaseFee(block)],
      ...at,
    }),
    orReason(() =>
      client.readContract({ address: contracts.Vault, abi: vaultAbi, functionName: "totalAssets", ...at }),
    ),
    client.readContract({ ...fund, functionName: "skin_in_the_game" }),
    client.readContract({ ...fund, functionName: "insurance" }),
    client.readContract({ ...fund, functionName: "recovery_pot" }),
  ]);
  return {
    block: block.number,
    now: block.timestamp,
    markets,
    keeperFee,
    vaultWorth: typeof vaultWorth === "string" ? null : vaultWorth,
    skinInTheGame,
    insurance,
    recoveryPot,
  };
}

async function readRecovery({ client, deployment }: Plimsoll, owner: Address, block: Head) {
  const { RecoveryToken, InsuranceFund } = deployment.contracts;
  const at = { blockNumber: block.number } as const;
  const recovery = await client.readContract({
    address: RecoveryToken,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [owner],
    ...at,
  });
  if (recovery === 0n) return { recovery, redeemable: 0n };
  const fund = { address: InsuranceFund, abi: insuranceFundAbi, ...at } as const;
  return { recovery, redeemable: await client.readContract({ ...fund, functionName: "redeemable", args: [recovery] }) };
}

async function readDeferred(
  { client, deployment }: Plimsoll,
  info: MarketInfo,
  owner: Address,
  block: Head,
): Promise<Deferred> {
  const call = {
    address: deployment.contracts.InsuranceFund,
    abi: insuranceFundAbi,
    args: [info.address, owner],
    blockNumber: block.number,
  } as const;
  const waiting = await client.readContract({ ...call, functionName: "unissued" });
  if (waiting === 0n) return { info, waiting, now: 0n };
  return { info, waiting, now: (await client.simulateContract({ ...call, functionName: "issue_rest" })).result };
}

async function readAccount(plimsoll: Plimsoll, owner: Address, block: Head): Promise<Account> {
  const { client, deployment } = plimsoll;
  const { contracts } = deployment;
  const at = { blockNumber: block.number } as const;
  const lens = { address: contracts.Lens, abi: lensAbi, ...at } as const;
  const token = { address: contracts.CollateralToken, abi: collateralTokenAbi, ...at } as const;
  const [gas, wallet, free, recovery, deferred, positions] = await Promise.all([
    client.getBalance({ address: owner, ...at }),
    client.readContract({ ...token, functionName: "balanceOf", args: [owner] }),
    client.readContract({
      address: contracts.MarginPool,
      abi: marginPoolAbi,
      functionName: "balance_of",
      args: [owner],
      ...at,
    }),
    readRecovery(plimsoll, owner, block),
    Promise.all(deployment.markets.map((info) => readDeferred(plimsoll, info, owner, block))),
    Promise.all(
      deployment.markets.map(async (info): Promise<HeldPosition | null> => {
        const view = await orReason(() =>
          client.readContract({ ...lens, functionName: "position", args: [info.address, owner] }),
        );
        // A market without a price holds no positions.
        if (typeof view === "string") return null;
        if (view.units === 0n && view.cash_owed === 0n && view.claim_owed === 0n) return null;
        if (view.units === 0n) return { info, view, rank: null, bucket: 0n };
        const [rank, { bucket }] = await Promise.all([
          client.readContract({ ...lens, functionName: "adl_rank", args: [info.address, owner] }),
          client.readContract({
            address: info.address,
            abi: marketAbi,
            functionName: "position",
            args: [owner],
            ...at,
          }),
        ]);
        return { info, view, rank, bucket };
      }),
    ),
  ]);
  return {
    address: owner,
    gas,
    wallet,
    free,
    ...recovery,
    deferred: deferred.filter(({ waiting }) => waiting > 0n),
    positions: positions.filter((position) => position !== null),
  };
}

export interface Snapshot {
  venue: Venue;
  account: Account | null;
}

/** Everything at one block, once a second. A change of account keeps the markets on the screen. */
export function useSnapshot(owner: Address | undefined) {
  const plimsoll = usePlimsoll();
  return useQuery({
    queryKey: ["snapshot", owner ?? null],
    queryFn: async (): Promise<Snapshot> => {
      const block = await plimsoll.client.getBlock();
      const [venue, account] = await Promise.all([
        readVenue(plimsoll, block),
        owner === undefined ? null : readAccount(plimsoll, owner, block),
      ]);
      return { venue, account };
    },
    placeholderData: keepPreviousData,
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
  });
}

/** The first `n` buckets of a side's ADL queue. */
export function useQueue(market: Address, side: bigint, n: bigint) {
  const { client, deployment } = usePlimsoll();
  return useQuery({
    queryKey: ["queue", market, side.toString(), n.toString()],
    queryFn: () =>
      steadily(() =>
        client.readContract({
          address: deployment.contracts.Lens,
          abi: lensAbi,
          functionName: "queue",
          args: [market, side, n],
        }),
      ),
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
  });
}

const NOBODY: Address = "0x0000000000000000000000000000000000000000";

/** What `sizeDelta` would do now. Works before a wallet is connected: nobody has no position. */
export function useQuote(market: Address, owner: Address | undefined, sizeDelta: bigint, margin: bigint) {
  const { client, deployment } = usePlimsoll();
  return useQuery({
    queryKey: ["quote", market, owner ?? null, sizeDelta.toString(), margin.toString()],
    queryFn: () =>
      steadily(() =>
        client.readContract({
          address: deployment.contracts.Lens,
          abi: lensAbi,
          functionName: "quote",
          args: [market, owner ?? NOBODY, sizeDelta, margin],
        }),
      ),
    enabled: sizeDelta !== 0n,
    placeholderData: keepPreviousData,
    refetchInterval: POLL_MS,
    gcTime: 5_000,
    networkMode: "always",
    retry: false,
  });
}

/** What adding (+) or taking out (-) so much margin would do now. */
export function useMarginQuote(market: Address, owner: Address, marginDelta: bigint) {
  const { client, deployment } = usePlimsoll();
  return useQuery({
    queryKey: ["margin-quote", market, owner, marginDelta.toString()],
    queryFn: () =>
      steadily(() =>
        client.readContract({
          address: deployment.contracts.Lens,
          abi: lensAbi,
          functionName: "quote_margin",
          args: [market, owner, marginDelta],
        }),
      ),
    enabled: marginDelta !== 0n,
    placeholderData: keepPreviousData,
    refetchInterval: POLL_MS,
    gcTime: 5_000,
    networkMode: "always",
    retry: false,
  });
}
