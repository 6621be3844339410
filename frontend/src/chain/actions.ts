/** Everything a trader sends. Each call is simulated first, so that a refusal is told before the wallet opens. */
import {
  BaseError,
  createWalletClient,
  http,
  parseSignature,
  recoverTypedDataAddress,
  type Abi,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type Hash,
  type TransactionReceipt,
} from "viem";
import { signTypedData, writeContract } from "wagmi/actions";
import { collateralTokenAbi, insuranceFundAbi, marginPoolAbi, marketAbi, orderBookAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import type { OrderArgs } from "../lib/orders_draft";
import type { Client, Plimsoll } from "./context";
import { isRejection, isUnsupported, revertReason } from "./errors";
import { isUsable, type Session } from "./session";

export interface Sender extends Plimsoll {
  account: Address;
  /** A key in this browser that may act for the account within limits. */
  session: Session | null;
  /** Told what the wallet is asked for, and when the transaction is on its way. */
  onStep: (step: string, hash?: Hash) => void;
}

interface Call<abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">> {
  address: Address;
  abi: abi;
  functionName: name;
  args: ContractFunctionArgs<abi, "nonpayable" | "payable", name>;
}

const NEW_PRICE_GAS = 100_000n;

/** In the block to come the same call may be the one that takes a new price in; and an inner call gets 63/64 only. */
const withRoom = (estimate: bigint): bigint => (estimate * 3n) / 2n + NEW_PRICE_GAS;

async function included(client: Client, hash: Hash): Promise<TransactionReceipt> {
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: 60_000 });
  if (receipt.status === "reverted") throw new Error("the transaction was included but reverted");
  return receipt;
}

export async function send<const abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">>(
  { client, config, chain, account, onStep }: Sender,
  ask: string,
  call: Call<abi, name>,
): Promise<TransactionReceipt> {
  await client.simulateContract({ ...call, account } as Parameters<typeof client.simulateContract>[0]);
  const estimate = await client.estimateContractGas({ ...call, account } as Parameters<
    typeof client.estimateContractGas
  >[0]);
  const gas = withRoom(estimate);
  onStep(ask);
  const hash = await writeContract(config, { ...call, gas, account, chainId: chain.id } as Parameters<
    typeof writeContract
  >[1]);
  onStep("Sent. Waiting for the block.", hash);
  return included(client, hash);
}

/** What a session key may do goes through it where its limits allow, without the wallet; else false. */
async function sendBySession<const abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">>(
  { client, chain, session, onStep }: Sender,
  call: Call<abi, name>,
): Promise<boolean> {
  if (!isUsable(session)) return false;
  const { account } = session;
  try {
    await client.simulateContract({ ...call, account } as Parameters<typeof client.simulateContract>[0]);
  } catch (error) {
    const reason = revertReason(error);
    if (!reason.startsWith("delegate: ") && reason !== "not a delegate") throw error;
    onStep("The session key's limits do not cover this: your wallet is asked instead.");
    return false;
  }
  const estimate = await client.estimateContractGas({ ...call, account } as Parameters<
    typeof client.estimateContractGas
  >[0]);
  const signer = createWalletClient({ account, chain, transport: http(chain.rpcUrls.default.http[0]) });
  const hash = await signer.writeContract({ ...call, gas: withRoom(estimate) } as Parameters<
    typeof signer.writeContract
  >[0]);
  onStep("Sent by the session key. Waiting for the block.", hash);
  await included(client, hash);
  return true;
}

const LOCAL_GAS_MONEY = 10n * 10n ** 18n;

/** Only a local chain can do this. */
export async function giveEther(client: Client, account: Address): Promise<void> {
  await client.request({
    method: "anvil_setBalance",
    params: [account, `0x${LOCAL_GAS_MONEY.toString(16)}`],
  } as unknown as Parameters<typeof client.request>[0]);
}

/** Test money, and on a local chain also the ether to pay for asking. */
export async function askFaucet(sender: Sender): Promise<void> {
  const { client, deployment, account } = sender;
  if (deployment.network === "local" && (await client.getBalance({ address: account })) < LOCAL_GAS_MONEY / 10n) {
    sender.onStep("Getting ether for gas.");
    await giveEther(client, account);
  }
  await send(sender, "Confirm the faucet in your wallet.", {
    address: deployment.contracts.CollateralToken,
    abi: collateralTokenAbi,
    functionName: "faucet",
    args: [],
  });
}

const PERMIT_SECONDS = 1_200n;

const PERMIT_TYPES = {
  Permit: [
    { name: "owner", type: "address" },
    { name: "spender", type: "address" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

/** A permit needs a key that signs: an account with code of its own (a contract wallet) has none. */
async function canSign({ client, account }: Sender): Promise<boolean> {
  const code = await client.getCode({ address: account });
  return code === undefined || code === "0x" || code.startsWith("0xef0100");
}

/** Null when the wallet cannot sign it; throws when the trader rejects it. */
async function signPermit(sender: Sender, amount: bigint) {
  const { client, config, chain, deployment, account, onStep } = sender;
  if (!(await canSign(sender))) return null;
  const token = { address: deployment.contracts.CollateralToken, abi: collateralTokenAbi } as const;
  try {
    const [domain, nonce, block] = await Promise.all([
      client.getEip712Domain({ address: token.address }),
      client.readContract({ ...token, functionName: "nonces", args: [account] }),
      client.getBlock(),
    ]);
    const deadline = block.timestamp + PERMIT_SECONDS;
    onStep("Sign the permit in your wallet (1 of 2). It costs no gas.");
    const { name, version, verifyingContract } = domain.domain;
    const permit = {
      domain: { name, version, verifyingContract, chainId: chain.id },
      types: PERMIT_TYPES,
      primaryType: "Permit",
      message: { owner: account, spender: deployment.contracts.MarginPool, value: amount, nonce, deadline },
    } as const;
    const signature = await signTypedData(config, { ...permit, account });
    // Some wallets sign for a contract behind the account: the token would not know that signature.
    const signer = await recoverTypedDataAddress({ ...permit, signature });
    if (signer.toLowerCase() !== account.toLowerCase()) return null;
    const { r, s, v, yParity } = parseSignature(signature);
    return { deadline, v: Number(v ?? BigInt(yParity ?? 0) + 27n), r, s };
  } catch (error) {
    if (isRejection(error)) throw error;
    if (isUnsupported(error) || error instanceof BaseError) return null;
    throw error;
  }
}

/** One signature and one transaction where the wallet can sign a permit, else approve and deposit. */
export async function deposit(sender: Sender, amount: bigint): Promise<void> {
  const { client, deployment, account } = sender;
  const pool = { address: deployment.contracts.MarginPool, abi: marginPoolAbi } as const;
  const token = { address: deployment.contracts.CollateralToken, abi: collateralTokenAbi } as const;
  const allowance = await client.readContract({ ...token, functionName: "allowance", args: [account, pool.address] });
  if (allowance < amount) {
    const permit = await signPermit(sender, amount);
    if (permit !== null) {
      await send(sender, "Confirm the deposit in your wallet (2 of 2).", {
        ...pool,
        functionName: "deposit_with_permit",
        args: [amount, account, permit.deadline, permit.v, permit.r, permit.s],
      });
      return;
    }
    await send(sender, "Approve the amount in your wallet (1 of 2).", {
      ...token,
      functionName: "approve",
      args: [pool.address, amount],
    });
    await send(sender, "Confirm the deposit in your wallet (2 of 2).", {
      ...pool,
      functionName: "deposit",
      args: [amount, account],
    });
    return;
  }
  await send(sender, "Confirm the deposit in your wallet.", {
    ...pool,
    functionName: "deposit",
    args: [amount, account],
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

/** One order, or an order with its exits, or exits of a position that is there. */
export async function placeOrders(sender: Sender, orders: readonly OrderArgs[]): Promise<void> {
  const [first, ...others] = orders;
  if (first === undefined) throw new Error("nothing to place");
  const book = { address: sender.deployment.contracts.OrderBook, abi: orderBookAbi } as const;
  const [owner, isAlone] = [sender.account, others.length === 0];
  const bySession = isAlone
    ? await sendBySession(sender, { ...book, functionName: "place_for", args: [owner, first] })
    : await sendBySession(sender, { ...book, functionName: "place_linked", args: [owner, orders] });
  if (bySession) return;
  if (isAlone) {
    await send(sender, "Confirm the order in your wallet.", { ...book, functionName: "place", args: [first] });
    return;
  }
  const args = [owner, orders] as const;
  await send(sender, "Confirm the orders in your wallet.", { ...book, functionName: "place_linked", args });
}

export async function changeMargin(sender: Sender, market: Address, amount: bigint): Promise<void> {
  const book = { address: sender.deployment.contracts.OrderBook, abi: orderBookAbi } as const;
  if (amount > 0n) {
    const args = [sender.account, market, amount] as const;
    if (await sendBySession(sender, { ...book, functionName: "add_margin_for", args })) return;
  }
  await send(sender, "Confirm the change of margin in your wallet.", {
    ...book,
    functionName: amount > 0n ? "add_margin" : "remove_margin",
    args: [market, amount > 0n ? amount : -amount],
  });
}

/** In `seconds`, by the chain's clock. */
export async function expiry(sender: Sender, seconds: bigint): Promise<bigint> {
  return (await sender.client.getBlock()).timestamp + seconds;
}

export async function cancelOrder(sender: Sender, id: bigint): Promise<void> {
  const call = {
    address: sender.deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "cancel",
    args: [id],
  } as const;
  if (await sendBySession(sender, call)) return;
  await send(sender, "Confirm the cancellation in your wallet.", call);
}

/** The owner's own way when no keeper comes. */
export async function executeOrder(sender: Sender, id: bigint): Promise<void> {
  await send(sender, "Confirm the execution in your wallet.", {
    address: sender.deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "execute",
    args: [id],
  });
}

/** Moves what a liquidation or a deleveraging owes to the free balance, and issues the recovery claim. */
export async function collect(sender: Sender, market: Address): Promise<void> {
  await send(sender, "Confirm the collection in your wallet.", {
    address: market,
    abi: marketAbi,
    functionName: "sync",
    args: [sender.account],
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
