/** Decides what there is to show: the terminal, or why there is none. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useMemo } from "react";
import { WagmiProvider } from "wagmi";
import { PlimsollProvider, connectTo } from "../chain/context";
import { DEPLOYMENTS_FILE, useChainStatus, type ChainStatus } from "../chain/status";
import { TransactionsProvider } from "../chain/transactions";
import { identity, type Deployment } from "../lib/deployment";
import { Notice } from "./Notice";
import { Shell } from "./Shell";
import { useLast } from "./hooks";

function Session({ deployment, isOffline }: { deployment: Deployment; isOffline: boolean }) {
  // One set of connections and caches for one deployment: another one starts from nothing.
  const [plimsoll, queries] = useMemo(() => [connectTo(deployment), new QueryClient()] as const, [deployment]);
  return (
    <WagmiProvider config={plimsoll.config}>
      <QueryClientProvider client={queries}>
        <PlimsollProvider value={plimsoll}>
          <TransactionsProvider>
            <Shell isOffline={isOffline} />
          </TransactionsProvider>
        </PlimsollProvider>
      </QueryClientProvider>
    </WagmiProvider>
  );
}

function Problem({ status }: { status: Exclude<ChainStatus, { kind: "ready" }> }) {
  switch (status.kind) {
    case "missing":
      return (
        <Notice title="Nothing is deployed yet" code="make demo">
          There is no <code>{DEPLOYMENTS_FILE}</code>. Start a local chain with Plimsoll on it; this page goes on by
          itself as soon as it is there.
        </Notice>
      );
    case "unread":
      return (
        <Notice title="The deployments file does not load">
          The server of this page does not give <code>{DEPLOYMENTS_FILE}</code>. This page goes on by itself when it does.
        </Notice>
      );
    case "malformed":
      return (
        <Notice title="The deployments file cannot be used" code="make demo">
          <code>{DEPLOYMENTS_FILE}</code>: {status.detail}. Deploy again to write a fresh one.
        </Notice>
      );
    case "unreachable":
      return (
        <Notice title="The chain does not answer" code="make demo">
          Nothing answers at <code>{status.deployment.rpcUrl}</code>. This page goes on by itself when the chain is
          back.
        </Notice>
      );
    case "other-chain":
      return (
        <Notice title="Another chain answers">
          <code>{status.deployment.rpcUrl}</code> runs chain {status.found}; Plimsoll was deployed on chain{" "}
          {status.deployment.chainId}.
        </Notice>
      );
    case "restarted":
      return (
        <Notice title="The chain was started anew" code="make demo">
          The deployments file belongs to an earlier run: the first block is another one. Balances and positions of that
          run are gone. Deploy again; this page picks the new run up by itself.
        </Notice>
      );
  }
}

export function App() {
  const status = useChainStatus();
  const ready = useLast(status?.kind === "ready" ? status.deployment : undefined, identity);
  if (status === undefined) return <Notice title="Looking for the chain" isBusy />;
  if (status.kind === "ready") {
    const deployment = ready ?? status.deployment;
    return <Session key={identity(deployment)} deployment={deployment} isOffline={false} />;
  }
  // The chain and its contracts are no less there when the server of the page is not.
  if (status.kind === "unread" && ready !== undefined) {
    return <Session key={identity(ready)} deployment={ready} isOffline={false} />;
  }
  // A chain that pauses is no reason to take the last numbers off the screen.
  if (status.kind === "unreachable" && ready !== undefined && identity(ready) === identity(status.deployment)) {
    return <Session key={identity(ready)} deployment={ready} isOffline />;
  }
  return <Problem status={status} />;
}
