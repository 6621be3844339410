/** What those who bring capital send. */
import { capitalLensAbi, insuranceFundAbi, vaultAbi } from "../generated/abis";
import { send, type Sender } from "./actions";
import { payIn } from "./permit";

/** Within this of the shares that the amount buys now: nobody's donation may change the price in between. */
const SLIPPAGE_BPS = 50n;
const least = (shares: bigint): bigint => (shares * (10_000n - SLIPPAGE_BPS)) / 10_000n;

export async function depositInVault(sender: Sender, amount: bigint): Promise<void> {
  const { client, account, deployment } = sender;
  const vault = { address: deployment.contracts.Vault, abi: vaultAbi } as const;
  // Asked for after the signature, however long that takes: the minimum is that of the price then.
  const terms = async () =>
    [
      amount,
      account,
      least(await client.readContract({ ...vault, functionName: "previewDeposit", args: [amount] })),
    ] as const;
  await payIn(sender, vault.address, amount, {
    what: "the deposit",
    withAllowance: async (ask) => send(sender, ask, { ...vault, functionName: "deposit", args: await terms() }),
    withPermit: async (ask, permit) =>
      send(sender, ask, { ...vault, functionName: "deposit_with_permit", args: [...(await terms()), ...permit] }),
  });
}

/** For all shares that stand for `amount` now, or for all that are free if that is less. */
export async function requestRedeem(sender: Sender, amount: bigint): Promise<void> {
  const { Vault, CapitalLens } = sender.deployment.contracts;
  const vault = { address: Vault, abi: vaultAbi } as const;
  const [shares, holder] = await Promise.all([
    sender.client.readContract({ ...vault, functionName: "convertToShares", args: [amount] }),
    sender.client.readContract({
      address: CapitalLens,
      abi: capitalLensAbi,
      functionName: "holder",
      args: [sender.account],
    }),
  ]);
  const free = holder.shares - holder.locked_shares;
  const args = [amount >= holder.assets || shares > free ? free : shares] as const;
  await send(sender, "Confirm the request in your wallet.", { ...vault, functionName: "request_redeem", args });
}

export async function redeemRequest(sender: Sender, id: bigint): Promise<void> {
  const vault = { address: sender.deployment.contracts.Vault, abi: vaultAbi } as const;
  await send(sender, "Confirm the redemption in your wallet.", {
    ...vault,
    functionName: "redeem_request",
    args: [id],
  });
}

export async function cancelRequest(sender: Sender, id: bigint): Promise<void> {
  const vault = { address: sender.deployment.contracts.Vault, abi: vaultAbi } as const;
  await send(sender, "Confirm the cancellation in your wallet.", {
    ...vault,
    functionName: "cancel_request",
    args: [id],
  });
}

export async function stake(sender: Sender, amount: bigint): Promise<void> {
  const { client, deployment } = sender;
  const fund = { address: deployment.contracts.InsuranceFund, abi: insuranceFundAbi } as const;
  const terms = async () =>
    [amount, least(await client.readContract({ ...fund, functionName: "preview_stake", args: [amount] }))] as const;
  await payIn(sender, fund.address, amount, {
    what: "the stake",
    withAllowance: async (ask) => send(sender, ask, { ...fund, functionName: "stake", args: await terms() }),
    withPermit: async (ask, permit) =>
      send(sender, ask, { ...fund, functionName: "stake_with_permit", args: [...(await terms()), ...permit] }),
  });
}

export async function requestUnstake(sender: Sender, shares: bigint): Promise<void> {
  const fund = { address: sender.deployment.contracts.InsuranceFund, abi: insuranceFundAbi } as const;
  await send(sender, "Confirm the request in your wallet.", {
    ...fund,
    functionName: "request_unstake",
    args: [shares],
  });
}

export async function unstake(sender: Sender): Promise<void> {
  const fund = { address: sender.deployment.contracts.InsuranceFund, abi: insuranceFundAbi } as const;
  await send(sender, "Confirm the payment in your wallet.", { ...fund, functionName: "unstake", args: [] });
}
