/** What stays on the screen whatever page is open: the bars at the top, notices, and the page in between. */
import { Suspense, lazy, useEffect, useRef } from "react";
import { usePlimsoll } from "../chain/context";
import { useSnapshot, type Account, type Venue } from "../chain/reads";
import { useWallet } from "../chain/wallet";
import { nameOf, type Route } from "../lib/route";
import { AdlWarnings } from "./adl/AdlWarnings";
import { Boundary, Reload } from "./Boundary";
import { Hits } from "./Hits";
import { Notice } from "./Notice";
import { OrderNews } from "./OrderNews";
import { useStandsStill } from "./hooks";
import { useRoute } from "./route";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";
import { TradePage } from "./trade/TradePage";
import { WalletBanner } from "./WalletBanner";

const RiskPage = lazy(() => import("./risk/RiskPage").then((module) => ({ default: module.RiskPage })));
const RoundPage = lazy(() => import("./risk/RoundPage").then((module) => ({ default: module.RoundPage })));
const VaultPage = lazy(() => import("./vault/VaultPage").then((module) => ({ default: module.VaultPage })));
const PortfolioPage = lazy(() =>
  import("./portfolio/PortfolioPage").then((module) => ({ default: module.PortfolioPage })),
);

const isLocal = (url: string) => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);

function Page({ route, venue, account }: { route: Route; venue: Venue; account: Account | undefined }) {
  switch (route.page) {
    case "risk":
      return <RiskPage venue={venue} />;
    case "round":
      return <RoundPage venue={venue} symbol={route.symbol} number={route.round} />;
    case "vault":
      return <VaultPage venue={venue} account={account} />;
    case "portfolio":
      return <PortfolioPage venue={venue} account={account} />;
    case "trade":
      return <TradePage venue={venue} account={account} symbol={route.symbol} />;
  }
}

function Foot({ venue }: { venue: Venue }) {
  const { deployment } = usePlimsoll();
  return (
    <footer className="foot">
      <span>
        Block <b data-testid="block">{venue.block.toString()}</b>
      </span>
      <span>
        Chain {deployment.chainId} ({deployment.network})
      </span>
      {isLocal(deployment.rpcUrl) && <span>No request leaves this machine.</span>}
    </footer>
  );
}

/** Ages on the page go by the chain's clock, so they stand still with it: that is told by the computer's clock. */
const STILL_MS = 15_000;
const FAILING_MS = 4_000;

/** Why what is shown is not what is; nothing if it is. */
function Frozen({ isOffline, isFailing, block }: { isOffline: boolean; isFailing: boolean; block: bigint }) {
  const told = `What you see is as of block ${block}`;
  if (isOffline)
    return (
      <div className="banner bad" role="alert" data-testid="offline">
        The chain does not answer. {told}; it goes on by itself when the chain is back.
      </div>
    );
  return (
    <div className="banner bad" role="alert" data-testid="frozen">
      {isFailing
        ? `The contracts cannot be read. ${told}; the page tries again each second.`
        : `The node has told of no new block for ${STILL_MS / 1000} seconds or more. ${told}: prices, balances and ages may be older than they look.`}
    </div>
  );
}

function PageProblem() {
  return (
    <p className="empty" role="alert">
      This page could not be shown. <Reload />
    </p>
  );
}

export function Shell({ isOffline }: { isOffline: boolean }) {
  const wallet = useWallet();
  const snapshot = useSnapshot(wallet.address);
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const page = useRef(route.page);
  const name = nameOf(route);
  useEffect(() => {
    document.title = `${name} · Plimsoll`;
  }, [name]);
  useEffect(() => {
    if (page.current === route.page) return;
    page.current = route.page;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [route.page]);

  const venue = snapshot.data?.venue;
  const isFailing = snapshot.isError;
  const isStill = useStandsStill(`${venue?.block}`, isFailing ? FAILING_MS : STILL_MS);
  if (venue === undefined) {
    return snapshot.isError ? (
      <Notice title="The contracts do not answer" code="make demo">
        The addresses in the deployments file do not answer as Plimsoll does. Deploy again.
      </Notice>
    ) : (
      <Notice title="Reading the markets" isBusy />
    );
  }
  const held = snapshot.data?.account ?? undefined;
  const account = held?.address === wallet.address ? held : undefined;
  return (
    <div className={isOffline || isStill ? "terminal is-offline" : "terminal"}>
      <TopBar account={account} page={route.page} onSkip={() => main.current?.focus()} />
      {(isOffline || isStill) && <Frozen isOffline={isOffline} isFailing={isFailing} block={venue.block} />}
      <WalletBanner />
      {account !== undefined && <AdlWarnings key={account.address} account={account} venue={venue} />}
      {wallet.address !== undefined && <Hits owner={wallet.address} account={account} />}
      <main className="page" ref={main} tabIndex={-1}>
        <h1 className="sr">{name}</h1>
        <Boundary key={route.page} fallback={<PageProblem />}>
          <Suspense fallback={<p className="empty">Loading the page.</p>}>
            <Page route={route} venue={venue} account={account} />
          </Suspense>
        </Boundary>
      </main>
      <Foot venue={venue} />
      <OrderNews />
      <Toasts />
    </div>
  );
}
