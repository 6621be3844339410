import { cancelOrder, executeOrder } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { MarketState, Venue } from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { abs, formatCash, formatPrice, formatUnits } from "../../lib/fixed";
import type { OrderRecord } from "../../lib/orders";
import { formatAge, reasonInWords } from "../../lib/words";
import { Panel } from "../parts";

const SHOWN = 30;

function Outcome({ order, market, now }: { order: OrderRecord; market: MarketState | undefined; now: bigint }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { outcome } = order;
  switch (outcome.status) {
    case "pending":
      if (now > order.expiresAt) return <>Expired. Cancel it to get the escrow back.</>;
      if (market?.view?.is_stale === true) return <>{reasonInWords("wait: stale price")}</>;
      return <>Waiting for the next price. Expires in {formatAge(order.expiresAt - now)}.</>;
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

export function Orders({
  orders,
  venue,
  isConnected,
}: {
  orders: readonly OrderRecord[];
  venue: Venue;
  isConnected: boolean;
}) {
  const { run, isBusy } = useTransactions();
  const { isReady } = useWallet();
  const pending = orders.filter((order) => order.outcome.status === "pending").length;
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
                <th scope="col">Side</th>
                <th scope="col">Size</th>
                <th scope="col">Limit</th>
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
              {orders.slice(0, SHOWN).map((order) => {
                const market = venue.markets.find(
                  (state) => state.info.address.toLowerCase() === order.market.toLowerCase(),
                );
                const { status } = order.outcome;
                return (
                  <tr key={order.id.toString()} data-testid={`order-${order.id}`} data-status={status}>
                    <th scope="row" data-label="Order">
                      <b>{market?.info.symbol ?? "?"}</b> <span className="muted">#{order.id.toString()}</span>
                    </th>
                    <td data-label="Side">
                      <span className={order.sizeDelta > 0n ? "side good" : "side bad"}>
                        {order.sizeDelta > 0n ? "Buy" : "Sell"}
                      </span>
                      {order.reduceOnly && <small>reduce only</small>}
                    </td>
                    <td data-label="Size">{formatUnits(abs(order.sizeDelta))}</td>
                    <td data-label="Limit">
                      {order.acceptablePrice === 0n ? "any" : formatPrice(order.acceptablePrice)}
                    </td>
                    <td data-label="Status" className={TONES[status]}>
                      {NAMES[status]}
                    </td>
                    <td data-label="Outcome" className="text">
                      <Outcome order={order} market={market} now={venue.now} />
                    </td>
                    <td className="actions">
                      {status === "pending" && (
                        <>
                          <button
                            type="button"
                            className="ghost small"
                            disabled={isBusy || !isReady}
                            title="When no keeper comes: execute it yourself and keep the keeper fee"
                            onClick={() =>
                              void run(`Execute order ${order.id}`, "Executed.", (sender) =>
                                executeOrder(sender, order.id),
                              )
                            }
                          >
                            Execute
                          </button>
                          <button
                            type="button"
                            className="ghost small"
                            disabled={isBusy || !isReady}
                            onClick={() =>
                              void run(`Cancel order ${order.id}`, "Cancelled. The escrow is back.", (sender) =>
                                cancelOrder(sender, order.id),
                              )
                            }
                          >
                            Cancel
                          </button>
                        </>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
