/** What becomes of a transaction after it was sent. */
import { WaitForTransactionReceiptTimeoutError, type Hash, type ReplacementReason, type TransactionReceipt } from "viem";
import type { Client } from "./context";

const PATIENCE_MS = 60_000;

/** Sent and not yet in a block. It has not failed: whoever sends it again may get it twice. */
export class StillPending extends Error {
  constructor() {
    super("Still pending. It may yet be included: look into your wallet before you send it again.");
  }
}

/** A wallet lets its owner put another transaction in the place of one that waits; with a higher fee it is the same one. */
const REPLACED: Partial<Record<ReplacementReason, string>> = {
  cancelled: "You cancelled this transaction in the wallet. Nothing came of it.",
  replaced: "Another transaction took the place of this one in the wallet. Nothing came of this one.",
};

/** Throws, in words, unless the transaction itself was carried out. */
export async function included(
  client: Pick<Client, "waitForTransactionReceipt">,
  hash: Hash,
): Promise<TransactionReceipt> {
  let reason: ReplacementReason | undefined;
  const onReplaced = (replacement: { reason: ReplacementReason }) => {
    reason = replacement.reason;
  };
  const receipt = await client
    .waitForTransactionReceipt({ hash, timeout: PATIENCE_MS, onReplaced })
    .catch((error: unknown) => {
      throw error instanceof WaitForTransactionReceiptTimeoutError ? new StillPending() : error;
    });
  const replaced = reason === undefined ? undefined : REPLACED[reason];
  if (replaced !== undefined) throw new Error(replaced);
  if (receipt.status === "reverted") throw new Error("the transaction was included but reverted");
  return receipt;
}
