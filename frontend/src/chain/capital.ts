/** Vault and insurance fund, for those who bring capital. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { encodeEventTopics, pad, parseEventLogs, type ContractFunctionReturnType, type Hex } from "viem";
import { capitalLensAbi, insuranceFundAbi, vaultAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { usePlimsoll, type Plimsoll } from "./context";
import { useLogs } from "./logs";
import { orReason } from "./errors";

const POLL_MS = 1_000;
const SAMPLES = 40n;

export type VaultView = ContractFunctionReturnType<typeof capitalLensAbi, "view", "vault">;
export type HolderView = ContractFunctionReturnType<typeof capitalLensAbi, "view", "holder">;
export type RequestView = ContractFunctionReturnType<typeof capitalLensAbi, "view", "request">;
export type MandateView = ContractFunctionReturnType<typeof capitalLensAbi, "view", "mandates">[number];
export type UnstakeRequest = ContractFunctionReturnType<typeof insuranceFundAbi, "view", "unstake_request">;

export interface Fund {
  skin: bigint;
  insurance: bigint;
  unvested: bigint;
  totalShares: bigint;
  pot: bigint;
  /** RECOVER in circulation, and what one is paid now (WAD). */
  recoverySupply: bigint;
  recoveryPrice: bigint;
  cooldown: bigint;
}

export interface Mine {
  owner: Address;
  holder: HolderView;
  requests: { id: bigint; view: RequestView }[];
  stakeShares: bigint;
  stakeWorth: bigint;
  unstake: UnstakeRequest;
}

export interface Capital {
  block: bigint;
  /** Null while the vault cannot be valued, for the reason given. */
  vault: VaultView | null;
  problem: string;
  mandates: readonly MandateView[];
  fund: Fund;
  /** Null while it is not known, and without an account. */
  mine: Mine | null;
}

/** The last answer, less what it says about another account: that one's money is not this one's to see or to move. */
export function withoutOthers(capital: Capital | undefined, owner: Address | undefined): Capital | undefined {
  return capital === undefined || capital.mine?.owner === owner ? capital : { ...capital, mine: null };
}

async function readFund({ client, deployment }: Plimsoll, blockNumber: bigint): Promise<Fund> {
  const fund = { address: deployment.contracts.InsuranceFund, abi: insuranceFundAbi, blockNumber } as const;
  const [skin, insurance, unvested, totalShares, recovery, params] = await Promise.all([
    client.readContract({ ...fund, functionName: "skin_in_the_game" }),
    client.readContract({ ...fund, functionName: "insurance" }),
    client.readContract({ ...fund, functionName: "unvested" }),
    client.readContract({ ...fund, functionName: "total_shares" }),
    client.readContract({ ...fund, functionName: "recovery" }),
    client.readContract({ ...fund, functionName: "params" }),
  ]);
  return {
    skin,
    insurance,
    unvested,
    totalShares,
    pot: recovery.pot,
    recoverySupply: recovery.supply,
    recoveryPrice: recovery.price_wad,
    cooldown: params.cooldown,
  };
}

async function readMine(
  plimsoll: Plimsoll,
  owner: Address,
  ids: readonly bigint[],
  blockNumber: bigint,
): Promise<Mine> {
  const { client, deployment } = plimsoll;
  const lens = { address: deployment.contracts.CapitalLens, abi: capitalLensAbi, blockNumber } as const;
  const fund = { address: deployment.contracts.InsuranceFund, abi: insuranceFundAbi, blockNumber } as const;
  const [holder, views, stakeShares, unstake] = await Promise.all([
    client.readContract({ ...lens, functionName: "holder", args: [owner] }),
    Promise.all(ids.map((id) => client.readContract({ ...lens, functionName: "request", args: [id] }))),
    client.readContract({ ...fund, functionName: "shares_of", args: [owner] }),
    client.readContract({ ...fund, functionName: "unstake_request", args: [owner] }),
  ]);
  const stakeWorth = await client.readContract({ ...fund, functionName: "value_of", args: [stakeShares] });
  const requests = ids
    .map((id, i) => ({ id, view: views[i] }))
    .filter(({ view }) => view !== undefined && view.shares > 0n);
  return { owner, holder, requests: requests as Mine["requests"], stakeShares, stakeWorth, unstake };
}

const [REWARD_PAID] = encodeEventTopics({ abi: insuranceFundAbi, eventName: "RewardPaid" });
const [REQUESTED] = encodeEventTopics({ abi: vaultAbi, eventName: "RedeemRequested" });

export function useCapital(owner: Address | undefined) {
  const plimsoll = usePlimsoll();
  const { client, deployment } = plimsoll;
  const { CapitalLens, Vault } = deployment.contracts;
  const name = owner === undefined ? null : `requests of ${owner}`;
  const logs = useLogs(name, () => deployment.startBlock, {
    address: Vault,
    topics: [REQUESTED as Hex, null, owner === undefined ? null : pad(owner, { size: 32 })],
  });
  const ids = useMemo(
    () => parseEventLogs({ abi: vaultAbi, eventName: "RedeemRequested", logs: [...logs] }).map(({ args }) => args.id),
    [logs],
  );
  return useQuery({
    queryKey: ["capital", owner ?? null, ids.length],
    queryFn: async (): Promise<Capital> => {
      const block = await client.getBlockNumber();
      const lens = { address: CapitalLens, abi: capitalLensAbi, blockNumber: block } as const;
      const [vault, mandates, fund, mine] = await Promise.all([
        orReason(() => client.readContract({ ...lens, functionName: "vault" })),
        orReason(() => client.readContract({ ...lens, functionName: "mandates" })),
        readFund(plimsoll, block),
        owner === undefined ? null : readMine(plimsoll, owner, ids, block),
      ]);
      const isValued = typeof vault !== "string";
      return {
        block,
        vault: isValued ? vault : null,
        problem: isValued ? "" : vault,
        mandates: typeof mandates === "string" ? [] : mandates,
        fund,
        mine,
      };
    },
    placeholderData: (before) => withoutOthers(before, owner),
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
  });
}

export interface Sample {
  block: bigint;
  price: bigint;
  worth: bigint;
}

/** Share price and worth at some blocks of the past, as the vault said then. Empty on a node that forgets old blocks. */
export function useSharePrices(newest: bigint): Sample[] {
  const { client, deployment } = usePlimsoll();
  const first = deployment.startBlock;
  const span = newest - first;
  // On a grid of its own, so that blocks read once stay good while the chain goes on.
  let step = 1n;
  while (span / step > SAMPLES) step *= 2n;
  const blocks: bigint[] = [];
  for (let block = first - (first % step) + step; block <= newest; block += step) blocks.push(block);
  const found = useQueries({
    queries: blocks.map((block) => ({
      queryKey: ["share price", block.toString()],
      queryFn: () =>
        client.readContract({
          address: deployment.contracts.CapitalLens,
          abi: capitalLensAbi,
          functionName: "vault",
          blockNumber: block,
        }),
      staleTime: Number.POSITIVE_INFINITY,
      networkMode: "always" as const,
      retry: false,
    })),
  });
  return blocks.flatMap((block, i) => {
    const view = found[i]?.data;
    return view === undefined || view.shares === 0n ? [] : [{ block, price: view.share_price, worth: view.worth }];
  });
}

export interface VaultFlows {
  paidIn: bigint;
  takenOut: bigint;
  donated: bigint;
  /** What the fund's reserve paid towards rewards, by market in lower case. */
  toppedUp: ReadonlyMap<string, bigint>;
}

/** All that came in and went out, from the events of vault and fund. */
export function useVaultFlows(): VaultFlows {
  const { deployment } = usePlimsoll();
  const { Vault, InsuranceFund } = deployment.contracts;
  const topics = (["Deposit", "Withdraw", "Donated"] as const).map(
    (eventName) => encodeEventTopics({ abi: vaultAbi, eventName })[0] as Hex,
  );
  const start = () => deployment.startBlock;
  const logs = useLogs("vault flows", start, { address: Vault, topics: [topics] });
  const rewards = useLogs("rewards of the fund", start, { address: InsuranceFund, topics: [REWARD_PAID as Hex] });
  return useMemo(() => {
    let [paidIn, takenOut, donated] = [0n, 0n, 0n];
    for (const log of parseEventLogs({
      abi: vaultAbi,
      eventName: ["Deposit", "Withdraw", "Donated"],
      logs: [...logs],
    })) {
      if (log.eventName === "Withdraw") takenOut += log.args.assets;
      else if (log.eventName === "Deposit") paidIn += log.args.assets;
      else donated += log.args.assets;
    }
    const toppedUp = new Map<string, bigint>();
    for (const { args } of parseEventLogs({ abi: insuranceFundAbi, eventName: "RewardPaid", logs: [...rewards] })) {
      const market = args.market.toLowerCase();
      toppedUp.set(market, (toppedUp.get(market) ?? 0n) + args.amount);
    }
    return { paidIn, takenOut, donated, toppedUp };
  }, [logs, rewards]);
}
