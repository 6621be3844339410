/** Cash into the free balance and out of it, and what RECOVER is paid. */
import { insuranceFundAbi, marginPoolAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { send, type Sender } from "./actions";
import { payIn } from "./permit";

export async function deposit(sender: Sender, amount: bigint): Promise<void> {
  const pool = { address: sender.deployment.contracts.MarginPool, abi: marginPoolAbi } as const;
  const args = [amount, sender.account] as const;
  await payIn(sender, pool.address, amount, {
    what: "the deposit",
    withAllowance: (ask) => send(sender, ask, { ...pool, functionName: "deposit", args }),
    withPermit: (ask, permit) =>
      send(sender, ask, { ...pool, functionName: "deposit_with_permit", args: [...args, ...permit] }),
  });
}

export async function withdraw(sender: Sender, amount: bigint): Promise<void> {
  await send(sender, "Confirm the withdrawal in your wallet.", {
    address: sender.deployment.contracts.MarginPool,
    abi: marginPoolAbi,
    functionName: "withdraw",
    args: [amount, sender.account],
  });
}

/** Burns RECOVER for what the recovery pot pays now. */
export async function redeemRecovery(sender: Sender, amount: bigint): Promise<void> {
  await send(sender, "Confirm the redemption in your wallet.", {
    address: sender.deployment.contracts.InsuranceFund,
    abi: insuranceFundAbi,
    functionName: "redeem_recovery",
    args: [amount],
  });
}

/** Claims beyond what a market could issue in a day, when it can again. */
export async function issueRest(sender: Sender, market: Address): Promise<void> {
  await send(sender, "Confirm the issue in your wallet.", {
    address: sender.deployment.contracts.InsuranceFund,
    abi: insuranceFundAbi,
    functionName: "issue_rest",
    args: [market, sender.account],
  });
}
