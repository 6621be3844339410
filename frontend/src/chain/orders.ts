/** The connected trader's orders, from the order book's events. */
import { useEffect, useMemo, useRef } from "react";
import { encodeEventTopics, pad, parseEventLogs, type Hex, type Log } from "viem";
import { orderBookAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { foldOrders, type OrderEvent, type OrderRecord } from "../lib/orders";
import { usePlimsoll } from "./context";
import { useLogs } from "./logs";

const EVENTS = ["OrderPlaced", "OrderExecuted", "OrderCancelled", "OrderFailed"] as const;
const SIGNATURES: Hex[] = EVENTS.map((eventName) => {
  const [signature] = encodeEventTopics({ abi: orderBookAbi, eventName });
  return signature as Hex;
});

function toEvents(logs: readonly Log[]): OrderEvent[] {
  return parseEventLogs({ abi: orderBookAbi, eventName: [...EVENTS], logs: [...logs] }).map((log): OrderEvent => {
    const place = {
      block: log.blockNumber ?? 0n,
      logIndex: log.logIndex ?? 0,
      transaction: log.transactionHash ?? "0x",
    };
    switch (log.eventName) {
      case "OrderPlaced": {
        const { order } = log.args;
        return {
          ...place,
          type: "placed",
          id: log.args.id,
          market: log.args.market,
          kind: order.kind,
          sizeDelta: order.size_delta,
          margin: order.margin,
          triggerPrice: order.trigger_price,
          reduceOnly: order.reduce_only,
          acceptablePrice: order.acceptable_price,
          expiresAt: order.expires_at,
          keeperFee: log.args.keeper_fee,
        };
      }
      case "OrderExecuted":
        return {
          ...place,
          type: "executed",
          id: log.args.id,
          fillPrice: log.args.fill_price,
          unitsDelta: log.args.units_delta,
          fee: log.args.fee,
          paidOut: log.args.paid_out,
        };
      case "OrderFailed":
        return { ...place, type: "failed", id: log.args.id, reason: log.args.reason };
      case "OrderCancelled":
        return { ...place, type: "cancelled", id: log.args.id };
    }
  });
}

export function useOrders(owner: Address | undefined): OrderRecord[] {
  const { deployment } = usePlimsoll();
  const logs = useLogs(
    owner === undefined ? null : `orders of ${owner}`,
    () => Promise.resolve(deployment.startBlock),
    {
      address: deployment.contracts.OrderBook,
      topics: [SIGNATURES, null, owner === undefined ? null : pad(owner, { size: 32 })],
    },
  );
  return useMemo(() => foldOrders(toEvents(logs)), [logs]);
}

/** Calls `onDecided` once for each order seen pending and then executed, failed or cancelled. */
export function useDecisions(orders: readonly OrderRecord[], onDecided: (order: OrderRecord) => void): void {
  const pending = useRef(new Set<bigint>());
  useEffect(() => {
    for (const order of orders) {
      if (order.outcome.status === "pending") pending.current.add(order.id);
      else if (pending.current.delete(order.id)) onDecided(order);
    }
  }, [orders, onDecided]);
}
