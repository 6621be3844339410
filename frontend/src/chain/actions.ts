/** Everything a trader sends. Each call is simulated first, so that a refusal is told before the wallet opens. */
import {
  BaseError,
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
import type { Plimsoll } from "./context";
import { isRejection, isUnsupported } from "./errors";

export interface Sender extends Plimsoll {
  account: Address;
  /** Told what the wallet is asked for, and when the transaction is on its way. */
  onStep: (step: string, hash?: Hash) => void;
}

interface Call<abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">> {
  address: Address;
  abi: abi;
  functionName: name;
  args: ContractFunctionArgs<abi, "nonpayable" | "payable", name>;
  gas?: bigint;
}

async function send<const abi extends Abi, name extends ContractFunctionName<abi, "nonpayable" | "payable">>(
  { client, config, chain, account, onStep }: Sender,
  ask: string,
  call: Call<abi, name>,
): Promise<TransactionReceipt> {
  await client.simulateContract({ ...call, account } as Parameters<typeof client.simulateContract>[0]);
  onStep(ask);
  const hash = await writeContract(config, { ...call, account, chainId: chain.id } as Parameters<
    typeof writeContract
  >[1]);
  onStep("Sent. Waiting for the block.", hash);
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: 60_000 });
  if (receipt.status === "reverted") throw new Error("the transaction was included but reverted");
  return receipt;
}

const LOCAL_GAS_MONEY = 10n * 10n ** 18n;

/** Test money, and on a local chain also the ether to pay for asking. */
export async function askFaucet(sender: Sender): Promise<void> {
  const { client, deployment, account } = sender;
  if (deployment.network === "local" && (await client.getBalance({ address: account })) < LOCAL_GAS_MONEY / 10n) {
    sender.onStep("Getting ether for gas.");
    await client.request({
      method: "anvil_setBalance",
      params: [account, `0x${LOCAL_GAS_MONEY.toString(16)}`],
    } as unknown as Parameters<typeof client.request>[0]);
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

export interface MarketOrder {
  market: Address;
  sizeDelta: bigint;
  margin: bigint;
  acceptablePrice: bigint;
  isReduceOnly: boolean;
}

const MARKET_KIND = 0n;
const ORDER_SECONDS = 300n;

export async function placeOrder(sender: Sender, order: MarketOrder): Promise<void> {
  const { timestamp } = await sender.client.getBlock();
  await send(sender, "Confirm the order in your wallet.", {
    address: sender.deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "place",
    args: [
      {
        market: order.market,
        kind: MARKET_KIND,
        size_delta: order.sizeDelta,
        margin: order.margin,
        trigger_price: 0n,
        acceptable_price: order.acceptablePrice,
        reduce_only: order.isReduceOnly,
        expires_at: timestamp + ORDER_SECONDS,
      },
    ],
  });
}

export async function cancelOrder(sender: Sender, id: bigint): Promise<void> {
  await send(sender, "Confirm the cancellation in your wallet.", {
    address: sender.deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "cancel",
    args: [id],
  });
}

/** The owner's own way when no keeper comes. */
export async function executeOrder(sender: Sender, id: bigint): Promise<void> {
  const call = {
    address: sender.deployment.contracts.OrderBook,
    abi: orderBookAbi,
    functionName: "execute",
    args: [id],
  } as const;
  const estimate = await sender.client.estimateContractGas({ ...call, account: sender.account });
  // The inner call gets 63/64 of what is left, and the book refuses to fail an order for want of gas.
  await send(sender, "Confirm the execution in your wallet.", { ...call, gas: (estimate * 3n) / 2n });
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
