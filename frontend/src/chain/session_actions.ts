/** Turning one-click trading on and off. */
import { formatEther, parseEther } from "viem";
import { sendTransaction } from "wagmi/actions";
import { orderBookAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { giveEther, send, sendEtherBack, type Sender } from "./actions";
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
  // Kept before it has anything: ether that were on its way to a forgotten key would be lost.
  keepKey(deployment, account, key);
  if (deployment.network === "local") {
    onStep("Giving the session key ether for gas, from the local chain.");
    await giveEther(client, delegate);
  } else {
    onStep("Confirm the ether that the session key needs for gas.");
    const hash = await sendTransaction(config, { to: delegate, value: GAS_MONEY, account, chainId: chain.id });
    await included(client, hash);
  }
}

/**
 * The contracts forget the key first, then its ether comes back, then the browser forgets it. Tells what became of it.
 * Where the ether does not come the key stays, to try once more; then it goes, with what it has.
 */
export async function endSession(sender: Sender, session: Session): Promise<string> {
  const { deployment, account, onStep } = sender;
  const isRevoked = session.terms.expires_at === 0n;
  if (!isRevoked)
    await send(sender, "Confirm the revocation in your wallet.", {
      address: deployment.contracts.OrderBook,
      abi: orderBookAbi,
      functionName: "set_delegate",
      args: [session.account.address, ALL_MARKETS, 0n, 0n, 0n],
    });
  onStep("The key can do nothing any more. Sending its ether back.");
  const stays = await sendEtherBack(sender, session).catch((error: unknown) => {
    if (isRevoked) return session.gas;
    throw error;
  });
  keepKey(deployment, account, null);
  if (stays === 0n) return "Off. The key can do nothing any more; its ether is back in your wallet.";
  return `Off. The key can do nothing any more; ${formatEther(stays)} ETH are left with it, too little to send back.`;
}
