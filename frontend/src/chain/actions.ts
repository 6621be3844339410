/** Everything a trader sends. Each call is simulated first, so that a refusal is told before the wallet opens. */
import {
  createWalletClient,
  http,
  type Abi,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type Hash,
  type TransactionReceipt,
} from "viem";
import { writeContract } from "wagmi/actions";
import { collateralTokenAbi, marketAbi, orderBookAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import type { OrderArgs } from "../lib/orders_draft";
import type { Client, Plimsoll } from "./context";
import { revertReason, steadily } from "./errors";
import { included } from "./receipts";
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

export async function send<const abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">>(
  { client, config, chain, account, onStep }: Sender,
  ask: string,
  call: Call<abi, name>,
): Promise<TransactionReceipt> {
  const asked = { ...call, account } as Parameters<typeof client.simulateContract>[0];
  await steadily(() => client.simulateContract(asked));
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

let turn: Promise<unknown> = Promise.resolve();

/** One after the other: two that ask the node for the key's next nonce at once would be given the same. */
function inTurn<T>(action: () => Promise<T>): Promise<T> {
  const result = turn.then(action);
  turn = result.catch(() => undefined);
  return result;
}

/** What a session key may do goes through it where its limits and its ether allow, without the wallet: null then. */
async function sendBySession<const abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">>(
  { client, chain, session, onStep }: Sender,
  call: Call<abi, name>,
): Promise<string | null> {
  if (!isUsable(session)) return "";
  const { account } = session;
  // By its address alone: with its fees a node would ask whether it can pay them, and say so in words of its own.
  const asked = { ...call, account: account.address };
  try {
    await steadily(() => client.simulateContract(asked as Parameters<typeof client.simulateContract>[0]));
  } catch (error) {
    const reason = revertReason(error);
    if (!reason.startsWith("delegate: ") && reason !== "not a delegate") throw error;
    return "The session key's limits do not cover this. ";
  }
  const [estimate, fees, ether] = await Promise.all([
    client.estimateContractGas(asked as Parameters<typeof client.estimateContractGas>[0]),
    client.estimateFeesPerGas(),
    client.getBalance({ address: account.address }),
  ]);
  const gas = withRoom(estimate);
  if (ether < gas * fees.maxFeePerGas) return "The session key has too little ether for gas. ";
  const signer = createWalletClient({ account, chain, transport: http(chain.rpcUrls.default.http[0]) });
  const request = { ...call, ...fees, gas } as Parameters<typeof signer.writeContract>[0];
  const hash = await inTurn(() => signer.writeContract(request));
  onStep("Sent by the session key. Waiting for the block.", hash);
  await included(client, hash);
  return null;
}

/** By the session key, else by the wallet, which is told why. */
async function sendEitherWay<
  const abi extends Abi,
  own extends ContractFunctionName<abi, "nonpayable" | "payable">,
  name extends ContractFunctionName<abi, "nonpayable" | "payable">,
>(sender: Sender, ask: string, bySession: Call<abi, own>, byWallet: Call<abi, name>): Promise<void> {
  const why = await sendBySession(sender, bySession);
  if (why !== null) await send(sender, `${why}${ask}`, byWallet);
}

/** What is left of a session key's ether, back to its owner. Nothing where that would cost more; then what stays there. */
export async function sendEtherBack({ client, chain, account: owner }: Sender, session: Session): Promise<bigint> {
  const { account } = session;
  const [ether, fees, gas] = await Promise.all([
    client.getBalance({ address: account.address }),
    client.estimateFeesPerGas(),
    client.estimateGas({ account: account.address, to: owner, value: 0n }),
  ]);
  const value = ether - gas * fees.maxFeePerGas;
  if (value <= 0n) return ether;
  const signer = createWalletClient({ account, chain, transport: http(chain.rpcUrls.default.http[0]) });
  await included(client, await inTurn(() => signer.sendTransaction({ to: owner, value, gas, ...fees })));
  return 0n;
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

/** One order, or an order with its exits, or exits of a position that is there. */
export async function placeOrders(sender: Sender, orders: readonly OrderArgs[]): Promise<void> {
  const [first, ...others] = orders;
  if (first === undefined) throw new Error("nothing to place");
  const book = { address: sender.deployment.contracts.OrderBook, abi: orderBookAbi } as const;
  const owner = sender.account;
  if (others.length === 0) {
    const own = { ...book, functionName: "place_for", args: [owner, first] } as const;
    const byWallet = { ...book, functionName: "place", args: [first] } as const;
    await sendEitherWay(sender, "Confirm the order in your wallet.", own, byWallet);
    return;
  }
  const linked = { ...book, functionName: "place_linked", args: [owner, orders] } as const;
  await sendEitherWay(sender, "Confirm the orders in your wallet.", linked, linked);
}

export async function changeMargin(sender: Sender, market: Address, amount: bigint): Promise<void> {
  const book = { address: sender.deployment.contracts.OrderBook, abi: orderBookAbi } as const;
  const ask = "Confirm the change of margin in your wallet.";
  if (amount < 0n) {
    await send(sender, ask, { ...book, functionName: "remove_margin", args: [market, -amount] });
    return;
  }
  const own = { ...book, functionName: "add_margin_for", args: [sender.account, market, amount] } as const;
  await sendEitherWay(sender, ask, own, { ...book, functionName: "add_margin", args: [market, amount] });
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
  await sendEitherWay(sender, "Confirm the cancellation in your wallet.", call, call);
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
