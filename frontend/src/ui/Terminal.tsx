/** The trading screen. */
import { useCallback, useState } from "react";
import { usePlimsoll } from "../chain/context";
import { useDecisions, useOrders } from "../chain/orders";
import { usePrices } from "../chain/prices";
import { useSnapshot, type MarketState } from "../chain/reads";
import { useTransactions } from "../chain/transactions";
import { useWallet } from "../chain/wallet";
import { intervalFor } from "../lib/candles";
import { formatPrice, formatUnits } from "../lib/fixed";
import type { OrderRecord } from "../lib/orders";
import { formatInterval, reasonInWords } from "../lib/words";
import { AccountPanel } from "./AccountPanel";
import { Backstop } from "./Backstop";
import { MarketBar } from "./MarketBar";
import { Notice } from "./Notice";
import { Orders } from "./Orders";
import { Panel } from "./parts";
import { Positions } from "./Positions";
import { PriceChart } from "./PriceChart";
import { Ticket } from "./Ticket";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";
import { WalletBanner } from "./WalletBanner";

const MOST_CANDLES = 240;

const isLocal = (url: string) => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);

function Chart({
  market,
  position,
}: {
  market: MarketState;
  position: { entry: bigint; liquidation: bigint } | undefined;
}) {
  const points = usePrices(market.info.feed);
  const interval = intervalFor(points, MOST_CANDLES);
  return (
    <Panel
      title={market.info.feedName}
      className="chart-panel"
      aside={<span className="hint">Index price, {formatInterval(interval)}, UTC</span>}
    >
      <PriceChart points={points} interval={interval} entry={position?.entry} liquidation={position?.liquidation} />
    </Panel>
  );
}

export function Terminal({ isOffline }: { isOffline: boolean }) {
  const { deployment } = usePlimsoll();
  const wallet = useWallet();
  const { tell } = useTransactions();
  const snapshot = useSnapshot(wallet.address);
  const held = snapshot.data?.account ?? undefined;
  const account = held?.address === wallet.address ? held : undefined;
  const orders = useOrders(wallet.address);
  const [symbol, setSymbol] = useState(deployment.markets[0]?.symbol ?? "");

  const onDecided = useCallback(
    (order: OrderRecord) => {
      const market = deployment.markets.find((info) => info.address.toLowerCase() === order.market.toLowerCase());
      const name = market?.symbol ?? "";
      const { outcome } = order;
      if (outcome.status === "executed") {
        const verb = outcome.unitsDelta > 0n ? "Bought" : "Sold";
        tell({
          title: `Order ${order.id} executed`,
          text: `${verb} ${formatUnits(outcome.unitsDelta < 0n ? -outcome.unitsDelta : outcome.unitsDelta)} ${name} at ${formatPrice(outcome.fillPrice)}.`,
          tone: "good",
          hash: order.transaction,
        });
      } else if (outcome.status === "failed") {
        tell({
          title: `Order ${order.id} was not filled`,
          text: `${reasonInWords(outcome.reason)} Margin and keeper fee are back in your free balance.`,
          tone: "bad",
          hash: order.transaction,
        });
      }
    },
    [deployment, tell],
  );
  useDecisions(orders, onDecided);

  const venue = snapshot.data?.venue;
  if (venue === undefined) {
    return snapshot.isError ? (
      <Notice title="The contracts do not answer" code="make demo">
        The addresses in the deployments file do not answer as Plimsoll does. Deploy again.
      </Notice>
    ) : (
      <Notice title="Reading the markets" isBusy />
    );
  }
  const market = venue.markets.find((state) => state.info.symbol === symbol) ?? venue.markets[0];
  if (market === undefined) return <Notice title="No market is deployed" />;
  const position = account?.positions.find(
    (entry) => entry.info.symbol === market.info.symbol && entry.view.units > 0n,
  );

  return (
    <div className={isOffline ? "terminal is-offline" : "terminal"}>
      <a className="skip" href="#ticket">
        Skip to the order form
      </a>
      <TopBar account={account} />
      {isOffline && (
        <div className="banner bad" role="alert">
          The chain does not answer. What you see is as of block {venue.block.toString()}; it goes on by itself when the
          chain is back.
        </div>
      )}
      <WalletBanner />
      <MarketBar venue={venue} selected={market} onSelect={setSymbol} />
      <main className="layout">
        <div className="main-column">
          <Chart
            key={market.info.feed}
            market={market}
            position={position && { entry: position.view.entry_price, liquidation: position.view.liquidation_price }}
          />
          <Positions account={account} venue={venue} />
          <Orders orders={orders} venue={venue} isConnected={wallet.address !== undefined} />
        </div>
        <aside className="side-column">
          <Ticket key={market.info.symbol} market={market} venue={venue} account={account} position={position} />
          <AccountPanel account={account} />
          <Backstop venue={venue} />
        </aside>
      </main>
      <footer className="foot">
        <span>
          Block <b data-testid="block">{venue.block.toString()}</b>
        </span>
        <span>
          Chain {deployment.chainId} ({deployment.network})
        </span>
        {isLocal(deployment.rpcUrl) && <span>No request leaves this machine.</span>}
      </footer>
      <Toasts />
    </div>
  );
}
