import { useState } from "react";
import { cancelOrder, executeOrder } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import { useLinks, type Link } from "../../chain/orders";
import type { MarketState, Venue } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { abs, formatCash, formatPrice, formatUnits } from "../../lib/fixed";
import { isFullClose, isPending, pendingFirst, type OrderRecord } from "../../lib/orders";
import { LIMIT_KIND, waitsForFall } from "../../lib/orders_draft";
import { formatAge, formatTime, reasonInWords } from "../../lib/words";
import { Panel } from "../parts";

/** Of the orders that are decided. */
const PAGE = 20;

interface OutcomeProps {
  order: OrderRecord;
  market: MarketState | undefined;
  now: bigint;
  /** The order that has to fill before this one may; 0 for none. */
  waitsFor: bigint;
}

function Outcome({ order, market, now, waitsFor }: OutcomeProps) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { outcome } = order;
  switch (outcome.status) {
    case "pending":
      if (now > order.expiresAt) return <>Expired. Cancel it to get the escrow back.</>;
      if (market?.view?.is_stale === true) return <>{reasonInWords("wait: stale price")}</>;
      return (
        <>
          {waitsFor > 0n
            ? `Waiting for order ${waitsFor} to fill.`
            : order.triggerPrice === 0n
              ? "Waiting for the next price."
              : `Waiting for a price at or ${waitsForFall(order.kind, order.sizeDelta > 0n) ? "below" : "above"} the trigger.`}{" "}
          Expires in {formatAge(order.expiresAt - now)}.
        </>
      );
    case "executed":
      return (
        <>
          Filled {formatUnits(abs(outcome.unitsDelta))} at {formatPrice(outcome.fillPrice)}, fee{" "}
          {formatCash(outcome.fee, decimals)} {symbol}
          {outcome.paidOut > 0n && `, ${formatCash(outcome.paidOut, decimals)} ${symbol} to the free balance`}
        </>
      );
    case "failed":
      return <>{reasonInWords(outcome.reason)} Refunded.</>;
    case "cancelled":
      return <>Cancelled. Refunded.</>;
  }
}

const NAMES = { pending: "Pending", executed: "Executed", failed: "Not filled", cancelled: "Cancelled" } as const;
const TONES = { pending: "warn", executed: "good", failed: "bad", cancelled: "muted" } as const;

const KINDS = ["Market", "Limit", "Stop"] as const;

/** What an order is, in a word. */
function kindOf(order: OrderRecord, link: Link | undefined): string {
  const kind = KINDS[Number(order.kind)] ?? "?";
  if (!order.reduceOnly) return kind;
  if (order.kind === 0n) return "Close";
  const isExit = link !== undefined && (link.orderId > 0n || link.twinId > 0n);
  if (isExit || isFullClose(order.sizeDelta)) return order.kind === LIMIT_KIND ? "Take profit" : "Stop loss";
  return `${kind}, reduce only`;
}

function OrderActions({ id }: { id: bigint }) {
  const execution = useAction(`execute ${id}`);
  const cancellation = useAction(`cancel ${id}`);
  const { isReady } = useWallet();
  return (
    <>
      <button
        type="button"
        className="ghost small"
        disabled={execution.isBusy || !isReady}
        title="When no keeper comes: execute it yourself and keep the keeper fee"
        onClick={() => void execution.run(`Execute order ${id}`, "Executed.", (sender) => executeOrder(sender, id))}
      >
        Execute
      </button>
      <button
        type="button"
        className="ghost small"
        data-testid={`cancel-${id}`}
        disabled={cancellation.isBusy || !isReady}
        onClick={() =>
          void cancellation.run(`Cancel order ${id}`, "Cancelled. The escrow is back.", (sender) =>
            cancelOrder(sender, id),
          )
        }
      >
        Cancel
      </button>
    </>
  );
}

interface RowProps {
  order: OrderRecord;
  market: MarketState | undefined;
  now: bigint;
  link: Link | undefined;
  waitsFor: bigint;
}

function OrderRow({ order, market, now, link, waitsFor }: RowProps) {
  const { status } = order.outcome;
  return (
    <tr data-testid={`order-${order.id}`} data-status={status}>
      <th scope="row" data-label="Order">
        <b>{market?.info.symbol ?? "?"}</b> <span className="muted">#{order.id.toString()}</span>
      </th>
      <td data-label="Placed" title={`${formatTime(order.placedAt)} UTC`}>
        {formatTime(order.placedAt).slice(5)}
      </td>
      <td data-label="Kind">
        {kindOf(order, link)}
        {link !== undefined && link.twinId > 0n && <small>or #{link.twinId.toString()}</small>}
      </td>
      <td data-label="Side">
        <span className={order.sizeDelta > 0n ? "side good" : "side bad"}>{order.sizeDelta > 0n ? "Buy" : "Sell"}</span>
      </td>
      <td data-label="Size">{isFullClose(order.sizeDelta) ? "all" : formatUnits(abs(order.sizeDelta))}</td>
      <td data-label="Trigger">{order.triggerPrice === 0n ? "–" : formatPrice(order.triggerPrice)}</td>
      <td data-label="Worst price">{order.acceptablePrice === 0n ? "any" : formatPrice(order.acceptablePrice)}</td>
      <td data-label="Status" className={TONES[status]}>
        {NAMES[status]}
      </td>
      <td data-label="Outcome" className="text">
        <Outcome order={order} market={market} now={now} waitsFor={waitsFor} />
      </td>
      <td className="actions">{status === "pending" && <OrderActions id={order.id} />}</td>
    </tr>
  );
}

export function Orders({
  orders,
  venue,
  isConnected,
}: {
  orders: readonly OrderRecord[];
  venue: Venue;
  isConnected: boolean;
}) {
  const links = useLinks(orders);
  const open = new Set(orders.filter(isPending).map((order) => order.id));
  const pending = open.size;
  const [decided, setDecided] = useState(PAGE);
  const shown = pendingFirst(orders, decided);
  return (
    <Panel title="Orders" aside={pending > 0 && <span className="count">{pending} pending</span>} className="orders">
      {orders.length === 0 ? (
        <p className="empty">{isConnected ? "No orders yet." : "Connect a wallet to see your orders."}</p>
      ) : (
        <div className="scroll">
          <table className="cards">
            <thead>
              <tr>
                <th scope="col">Order</th>
                <th scope="col">
                  <abbr title="UTC">Placed</abbr>
                </th>
                <th scope="col">Kind</th>
                <th scope="col">Side</th>
                <th scope="col">Size</th>
                <th scope="col">Trigger</th>
                <th scope="col">Worst price</th>
                <th scope="col">Status</th>
                <th scope="col" className="text">
                  Outcome
                </th>
                <th scope="col">
                  <span className="sr">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((order) => (
                <OrderRow
                  key={order.id.toString()}
                  order={order}
                  market={venue.markets.find(
                    (state) => state.info.address.toLowerCase() === order.market.toLowerCase(),
                  )}
                  now={venue.now}
                  link={links.get(order.id)}
                  waitsFor={open.has(links.get(order.id)?.orderId ?? 0n) ? (links.get(order.id)?.orderId ?? 0n) : 0n}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length < orders.length && (
        <button
          type="button"
          className="ghost wide"
          data-testid="more-orders"
          onClick={() => setDecided(decided + PAGE)}
        >
          Show more of {orders.length}
        </button>
      )}
    </Panel>
  );
}
