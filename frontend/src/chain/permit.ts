/** Tokens of the wallet go to a contract: one signature and one transaction where the wallet can, else two transactions. */
import { parseSignature, recoverTypedDataAddress, type Hex } from "viem";
import { signTypedData } from "wagmi/actions";
import { collateralTokenAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { send, type Sender } from "./actions";
import { isRejection } from "./errors";

export type Permit = readonly [deadline: bigint, v: number, r: Hex, s: Hex];

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

const CONTRACT_WALLET = "Your wallet is a contract, which signs no permit.";
const OTHER_SIGNATURE = "Your wallet's signature is not one that the token knows.";
const NO_TYPED_DATA = "Your wallet signs no permit.";

/** An account with code of its own has no key; one that a key has lent code to (EIP-7702) still has its key. */
async function hasKey({ client, account }: Sender): Promise<boolean> {
  const code = await client.getCode({ address: account });
  return code === undefined || code === "0x" || code.startsWith("0xef0100");
}

async function permitFor({ client, chain, deployment, account }: Sender, spender: Address, amount: bigint) {
  const token = { address: deployment.contracts.CollateralToken, abi: collateralTokenAbi } as const;
  const [{ domain }, nonce, block] = await Promise.all([
    client.getEip712Domain({ address: token.address }),
    client.readContract({ ...token, functionName: "nonces", args: [account] }),
    client.getBlock(),
  ]);
  const { name, version, verifyingContract } = domain;
  return {
    domain: { name, version, verifyingContract, chainId: chain.id },
    types: PERMIT_TYPES,
    primaryType: "Permit",
    message: { owner: account, spender, value: amount, nonce, deadline: block.timestamp + PERMIT_SECONDS },
  } as const;
}

/** Why there is none, where the wallet cannot sign one. Throws when its owner rejects it. */
async function signPermit(sender: Sender, spender: Address, amount: bigint): Promise<Permit | string> {
  if (!(await hasKey(sender))) return CONTRACT_WALLET;
  const { config, account, onStep } = sender;
  const permit = await permitFor(sender, spender, amount);
  onStep("Sign the permit in your wallet (1 of 2). It costs no gas.");
  let signature: Hex;
  try {
    signature = await signTypedData(config, { ...permit, account });
  } catch (error) {
    if (isRejection(error)) throw error;
    return NO_TYPED_DATA;
  }
  // Some wallets sign for a contract behind the account: the token would not know that signature.
  const signer = await recoverTypedDataAddress({ ...permit, signature }).catch(() => "");
  if (signer.toLowerCase() !== account.toLowerCase()) return OTHER_SIGNATURE;
  const { r, s, v, yParity } = parseSignature(signature);
  return [permit.message.deadline, Number(v ?? BigInt(yParity) + 27n), r, s];
}

interface Way {
  /** What is confirmed: "the deposit". */
  what: string;
  withAllowance: (ask: string) => Promise<unknown>;
  withPermit: (ask: string, permit: Permit) => Promise<unknown>;
}

/** Has `spender` take `amount` of the wallet's tokens. */
export async function payIn(sender: Sender, spender: Address, amount: bigint, way: Way): Promise<void> {
  const { client, deployment, account } = sender;
  const token = { address: deployment.contracts.CollateralToken, abi: collateralTokenAbi } as const;
  const allowance = await client.readContract({ ...token, functionName: "allowance", args: [account, spender] });
  if (allowance >= amount) {
    await way.withAllowance(`Confirm ${way.what} in your wallet.`);
    return;
  }
  const permit = await signPermit(sender, spender, amount);
  const second = `Confirm ${way.what} in your wallet (2 of 2).`;
  if (typeof permit !== "string") {
    await way.withPermit(second, permit);
    return;
  }
  const approval = { ...token, functionName: "approve", args: [spender, amount] } as const;
  await send(sender, `${permit} Approve the amount first (1 of 2).`, approval);
  await way.withAllowance(second);
}
