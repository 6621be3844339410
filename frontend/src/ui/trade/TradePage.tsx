/** The trading screen. */
import { usePlimsoll } from "../../chain/context";
import { useOrders } from "../../chain/orders";
import type { Account, Venue } from "../../chain/reads";
import { useWallet } from "../../chain/wallet";
import type { OrderRecord } from "../../lib/orders";
import { Notice } from "../Notice";
import { go } from "../route";
import { AccountPanel } from "./AccountPanel";
import { ChartPanel } from "./ChartPanel";
import { MarketBar } from "./MarketBar";
import { Orders } from "./Orders";
import { Positions } from "./Positions";
import { SessionPanel } from "./SessionPanel";
import { Ticket } from "./Ticket";

const NO_ORDERS: readonly OrderRecord[] = [];

interface Props {
  venue: Venue;
  account: Account | undefined;
  symbol: string | null;
}

export function TradePage({ venue, account, symbol }: Props) {
  const { deployment } = usePlimsoll();
  const wallet = useWallet();
  const orders = useOrders(wallet.address) ?? NO_ORDERS;
  const chosen = symbol ?? deployment.markets[0]?.symbol;
  const market = venue.markets.find((state) => state.info.symbol === chosen) ?? venue.markets[0];
  if (market === undefined) return <Notice title="No market is deployed" />;
  const position = account?.positions.find((held) => held.info.symbol === market.info.symbol && held.view.units > 0n);
  const here = orders.filter((order) => order.market.toLowerCase() === market.info.address.toLowerCase());
  return (
    <>
      <MarketBar venue={venue} selected={market} onSelect={(next) => go({ page: "trade", symbol: next })} />
      <div className="layout">
        <div className="main-column">
          <ChartPanel key={market.info.feed} market={market} position={position} orders={here} />
          {/* A dialog about a position of one account must not go on with that of another. */}
          <Positions key={wallet.address} account={account} venue={venue} />
          <Orders orders={orders} venue={venue} isConnected={wallet.address !== undefined} />
        </div>
        <aside className="side-column" aria-label="Order form and account">
          <Ticket key={market.info.symbol} market={market} venue={venue} account={account} position={position} />
          <AccountPanel account={account} />
          <SessionPanel now={venue.now} />
        </aside>
      </div>
    </>
  );
}
