import { WaitForTransactionReceiptTimeoutError, type ReplacementReason, type TransactionReceipt } from "viem";
import { expect, test } from "vitest";
import type { Client } from "./context";
import { explain } from "./errors";
import { StillPending, included } from "./receipts";

const HASH = `0x${"ab".repeat(32)}` as const;

type Waiting = Pick<Client, "waitForTransactionReceipt">;

/** A node on which the transaction ends with `status`, after it was replaced for `reason`. */
function ending(status: "success" | "reverted", reason?: ReplacementReason): Waiting {
  const receipt = { status } as TransactionReceipt;
  return {
    waitForTransactionReceipt: async ({ onReplaced }) => {
      const transaction = {} as never;
      if (reason !== undefined)
        onReplaced?.({ reason, replacedTransaction: transaction, transaction, transactionReceipt: receipt });
      return receipt;
    },
  };
}

const told = async (client: Waiting): Promise<string> => included(client, HASH).then(() => "done", explain);

test.each<[ReplacementReason | undefined, RegExp]>([
  [undefined, /^done$/],
  ["repriced", /^done$/],
  ["cancelled", /^You cancelled this transaction/],
  ["replaced", /^Another transaction took the place/],
])("included after it was %s", async (reason, words) => {
  expect(await told(ending("success", reason))).toMatch(words);
});

test("what reverted has failed", async () => {
  expect(await told(ending("reverted"))).toBe("The transaction was included but reverted.");
});

test("no receipt in time is no failure", async () => {
  const client: Waiting = {
    waitForTransactionReceipt: () => Promise.reject(new WaitForTransactionReceiptTimeoutError({ hash: HASH })),
  };
  await expect(included(client, HASH)).rejects.toBeInstanceOf(StillPending);
  expect(await told(client)).toMatch(/^Still pending\. It may yet be included/);
});
