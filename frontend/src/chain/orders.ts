/** The connected trader's orders, from the order book's events. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { encodeEventTopics, pad, parseEventLogs, type Hex, type Log } from "viem";
import { orderBookAbi } from "../generated/abis";
import type { Address } from "../lib/deployment";
import { Decisions, foldOrders, type OrderEvent, type OrderRecord } from "../lib/orders";
import { usePlimsoll } from "./context";
import { useReadLogs } from "./logs";

const EVENTS = ["OrderPlaced", "OrderExecuted", "OrderCancelled", "OrderFailed"] as const;
const LINKS_MS = 2_000;
const NO_LINKS: ReadonlyMap<bigint, Link> = new Map();
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
      time: log.blockTimestamp ?? 0n,
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

/** Undefined until they are read. */
export function useOrders(owner: Address | undefined): OrderRecord[] | undefined {
  const { deployment } = usePlimsoll();
  const logs = useReadLogs(owner === undefined ? null : `orders of ${owner}`, () => deployment.startBlock, {
    address: deployment.contracts.OrderBook,
    topics: [SIGNATURES, null, owner === undefined ? null : pad(owner, { size: 32 })],
  });
  return useMemo(() => logs && foldOrders(toEvents(logs)), [logs]);
}

export interface Link {
  /** It waits for this order to fill; 0 for none. */
  orderId: bigint;
  /** If one of the two fills the other is cancelled; 0 for none. */
  twinId: bigint;
}

/** How pending orders hang together. */
export function useLinks(orders: readonly OrderRecord[]): ReadonlyMap<bigint, Link> {
  const { client, deployment } = usePlimsoll();
  const ids = orders.filter(({ kind, outcome }) => outcome.status === "pending" && kind > 0n).map(({ id }) => id);
  const { data } = useQuery({
    queryKey: ["links", ids.join()],
    queryFn: async () => {
      const states = await Promise.all(
        ids.map((id) =>
          client.readContract({
            address: deployment.contracts.OrderBook,
            abi: orderBookAbi,
            functionName: "order_state",
            args: [id],
          }),
        ),
      );
      return new Map(
        ids.map((id, i) => [id, { orderId: states[i]?.order_id ?? 0n, twinId: states[i]?.twin_id ?? 0n }]),
      );
    },
    enabled: ids.length > 0,
    refetchInterval: LINKS_MS,
    placeholderData: keepPreviousData,
    networkMode: "always",
    retry: false,
    structuralSharing: false,
  });
  return data ?? NO_LINKS;
}

/** Calls `onDecided` once for each order of `owner` that is executed, failed or cancelled from now on. */
export function useDecisions(owner: Address | undefined, onDecided: (order: OrderRecord) => void): void {
  const orders = useOrders(owner);
  const watched = useRef({ owner, decisions: new Decisions() });
  useEffect(() => {
    if (watched.current.owner !== owner) watched.current = { owner, decisions: new Decisions() };
    if (orders !== undefined) watched.current.decisions.since(orders).forEach(onDecided);
  }, [owner, orders, onDecided]);
}
