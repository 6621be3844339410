/** Deposits and withdrawals of an account, from the pool's events. */
import { useMemo } from "react";
import { encodeEventTopics, pad, parseEventLogs, type Hex } from "viem";
import { marginPoolAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import type { HistoryRow } from "../lib/history/rows";
import { usePlimsoll } from "./context";
import { useLogs } from "./logs";

const [DEPOSITED] = encodeEventTopics({ abi: marginPoolAbi, eventName: "Deposited" });
const [WITHDRAWN] = encodeEventTopics({ abi: marginPoolAbi, eventName: "Withdrawn" });

export function useCashRows(owner: Address): HistoryRow[] {
  const { deployment } = usePlimsoll();
  const start = () => deployment.startBlock;
  const address = deployment.contracts.MarginPool;
  const topic = pad(owner, { size: 32 });
  const deposits = useLogs(`deposits of ${owner}`, start, { address, topics: [DEPOSITED as Hex, null, topic] });
  const withdrawals = useLogs(`withdrawals of ${owner}`, start, { address, topics: [WITHDRAWN as Hex, topic] });
  return useMemo(
    () =>
      parseEventLogs({
        abi: marginPoolAbi,
        eventName: ["Deposited", "Withdrawn"],
        logs: [...deposits, ...withdrawals],
      }).map((log): HistoryRow => ({
        time: log.blockTimestamp ?? 0n,
        block: log.blockNumber,
        logIndex: log.logIndex,
        transaction: log.transactionHash,
        market: "",
        kind: log.eventName === "Deposited" ? "deposit" : "withdrawal",
        units: 0n,
        price: 0n,
        fee: 0n,
        realised: 0n,
        cash: log.eventName === "Deposited" ? log.args.amount : -log.args.amount,
        paid: 0n,
        claim: 0n,
      })),
    [deposits, withdrawals],
  );
}
