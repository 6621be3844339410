/** What those who bring capital send. */
import { capitalLensAbi, collateralTokenAbi, insuranceFundAbi, vaultAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { send, type Sender } from "./actions";

async function allow(sender: Sender, spender: Address, amount: bigint): Promise<void> {
  const token = { address: sender.deployment.contracts.CollateralToken, abi: collateralTokenAbi } as const;
  const args = [sender.account, spender] as const;
  const allowance = await sender.client.readContract({ ...token, functionName: "allowance", args });
  if (allowance >= amount) return;
  const approval = { ...token, functionName: "approve", args: [spender, amount] } as const;
  await send(sender, "Approve the amount in your wallet (1 of 2).", approval);
}

/** Within this of the shares that the amount buys now: nobody's donation may change the price in between. */
const SLIPPAGE_BPS = 50n;
const least = (amount: bigint): bigint => (amount * (10_000n - SLIPPAGE_BPS)) / 10_000n;

export async function depositInVault(sender: Sender, amount: bigint): Promise<void> {
  const vault = { address: sender.deployment.contracts.Vault, abi: vaultAbi } as const;
  const shares = await sender.client.readContract({ ...vault, functionName: "previewDeposit", args: [amount] });
  await allow(sender, vault.address, amount);
  const args = [amount, sender.account, least(shares)] as const;
  await send(sender, "Confirm the deposit in your wallet.", { ...vault, functionName: "deposit", args });
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
  const fund = { address: sender.deployment.contracts.InsuranceFund, abi: insuranceFundAbi } as const;
  const shares = await sender.client.readContract({ ...fund, functionName: "preview_stake", args: [amount] });
  await allow(sender, fund.address, amount);
  const args = [amount, least(shares)] as const;
  await send(sender, "Confirm the stake in your wallet.", { ...fund, functionName: "stake", args });
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
