/** Errors of wallets, nodes and contracts, told in words. */
import {
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  HttpRequestError,
  InsufficientFundsError,
  NonceTooHighError,
  NonceTooLowError,
  ProviderDisconnectedError,
  ResourceUnavailableRpcError,
  TimeoutError,
  UnauthorizedProviderError,
  UserRejectedRequestError,
} from "viem";
import { reasonInWords } from "../lib/words";

const READS = 4;
const PAUSE_MS = 100;

function revertOf(error: unknown): ContractFunctionRevertedError | null {
  if (!(error instanceof BaseError)) return null;
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
  return reverted instanceof ContractFunctionRevertedError ? reverted : null;
}

/** The reason for which a contract refuses. Anything else is not a refusal and is thrown on. */
export function revertReason(error: unknown): string {
  const reverted = revertOf(error);
  if (reverted === null) throw error;
  return reverted.reason ?? "refused without a reason";
}

/**
 * What a view says. Our contracts refuse with a reason; where there is none, the node may have been between two blocks, at
 * the new state and the old time, and is asked again.
 */
export async function steadily<T>(read: () => Promise<T>): Promise<T> {
  for (let i = 1; ; i += 1) {
    try {
      return await read();
    } catch (error) {
      const reverted = revertOf(error);
      if (i === READS || reverted === null || reverted.data !== undefined) throw error;
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }
}

/** What a view says, or the reason for which it refuses. */
export const orReason = <T>(read: () => Promise<T>): Promise<T | string> => steadily(read).catch(revertReason);

interface Coded {
  code?: unknown;
}

function hasCode(error: unknown, code: number): boolean {
  let cause: unknown = error;
  while (typeof cause === "object" && cause !== null) {
    if ((cause as Coded).code === code) return true;
    cause = (cause as { cause?: unknown }).cause;
  }
  return false;
}

export function isRejection(error: unknown): boolean {
  if (error instanceof BaseError && error.walk((cause) => cause instanceof UserRejectedRequestError) !== null)
    return true;
  return hasCode(error, 4001);
}

export function explain(error: unknown): string {
  if (isRejection(error)) return "You rejected it in the wallet. Nothing was sent.";
  if (!(error instanceof BaseError)) {
    return error instanceof Error && error.message !== "" ? reasonInWords(error.message) : "Something went wrong.";
  }
  const reverted = revertOf(error);
  if (reverted !== null) {
    return reverted.reason === undefined ? "The contract refused it without a reason." : reasonInWords(reverted.reason);
  }
  const is = (kind: new (...args: never[]) => Error) => error.walk((cause) => cause instanceof kind) !== null;
  if (is(UnauthorizedProviderError)) return "Your wallet does not let this page use the account. Connect it again.";
  if (is(ProviderDisconnectedError)) return "Your wallet has lost its connection to the chain.";
  if (is(ResourceUnavailableRpcError)) return "Your wallet still waits for your answer to an earlier request. Open it.";
  if (is(InsufficientFundsError)) return "Not enough ETH for gas. On a local chain the faucet gives some.";
  if (is(NonceTooHighError) || is(NonceTooLowError))
    return "Your wallet remembers an older run of this chain. Clear its activity data for this network and try again.";
  if (is(ContractFunctionZeroDataError)) return "There is no contract at this address. Was the chain restarted?";
  if (is(TimeoutError)) return "The chain took too long to answer.";
  if (is(HttpRequestError)) return "The chain does not answer.";
  return reasonInWords(error.shortMessage);
}
