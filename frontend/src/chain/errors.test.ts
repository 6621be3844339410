import { BaseError, ContractFunctionRevertedError, encodeErrorResult, type Hex } from "viem";
import { expect, test, vi } from "vitest";
import { orReason } from "./errors";

const abi = [{ type: "error", name: "Error", inputs: [{ name: "reason", type: "string" }] }] as const;

/** As viem throws it. */
function refusal(data: Hex): BaseError {
  const cause = new ContractFunctionRevertedError({ abi, data, functionName: "market", message: "execution reverted" });
  return new BaseError("it did not work", { cause });
}

const worded = refusal(encodeErrorResult({ abi, errorName: "Error", args: ["wait: no price"] }));
const bare = refusal("0x");

test("a refusal with a reason is told at once", async () => {
  const read = vi.fn().mockRejectedValue(worded);
  expect(await orReason(read)).toBe("wait: no price");
  expect(read).toHaveBeenCalledTimes(1);
});

test("without a reason it is asked again: the node was between two blocks", async () => {
  const read = vi.fn().mockRejectedValueOnce(bare).mockResolvedValue(7n);
  expect(await orReason(read)).toBe(7n);
});

test("what never gives a reason has refused in the end", async () => {
  const read = vi.fn().mockRejectedValue(bare);
  expect(await orReason(read)).toBe("execution reverted");
});

test("a node that does not answer is no refusal", async () => {
  await expect(orReason(() => Promise.reject(new BaseError("gone")))).rejects.toThrow("gone");
});
