/** Turning one-click trading on and off. */
import { parseEther } from "viem";
import { sendTransaction } from "wagmi/actions";
import { orderBookAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { giveEther, send, type Sender } from "./actions";
import { included } from "./receipts";
import { keepKey, type Session } from "./session";

export interface Limits {
  seconds: bigint;
  orders: bigint;
  /** Cash: what all its orders together may open. */
  notional: bigint;
}

const ALL_MARKETS: Address = "0x0000000000000000000000000000000000000000";
const GAS_MONEY = parseEther("0.02");

/** Makes a key, lets it trade within `limits`, and gives it ether for gas. */
export async function startSession(sender: Sender, limits: Limits): Promise<void> {
  const { client, config, chain, deployment, account, onStep } = sender;
  const { generatePrivateKey, privateKeyToAddress } = await import("viem/accounts");
  const key = generatePrivateKey();
  const delegate = privateKeyToAddress(key);
  const { timestamp } = await client.getBlock();
  await send(sender, "Confirm the session key's limits in your wallet.", {
    address: deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "set_delegate",
    args: [delegate, ALL_MARKETS, timestamp + limits.seconds, limits.orders, limits.notional],
  });
  if (deployment.network === "local") {
    onStep("Giving the session key ether for gas, from the local chain.");
    await giveEther(client, delegate);
  } else {
    onStep("Confirm the ether that the session key needs for gas.");
    const hash = await sendTransaction(config, { to: delegate, value: GAS_MONEY, account, chainId: chain.id });
    await included(client, hash);
  }
  keepKey(deployment, account, key);
}

/** The contracts forget the key first, then the browser does. */
export async function endSession(sender: Sender, session: Session): Promise<void> {
  const { deployment, account } = sender;
  await send(sender, "Confirm the revocation in your wallet.", {
    address: deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "set_delegate",
    args: [session.account.address, ALL_MARKETS, 0n, 0n, 0n],
  });
  keepKey(deployment, account, null);
}
