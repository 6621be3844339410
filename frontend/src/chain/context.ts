/** What every read and write needs: the deployment, a client for its node, the wallet configuration. */
import { createContext, useContext } from "react";
import { createPublicClient, defineChain, http, type Chain, type HttpTransport, type PublicClient } from "viem";
import { createConfig, createStorage, injected, type Config } from "wagmi";
import type { Deployment } from "../lib/deployment";
import { HistoryReader } from "./history_reader";
import { BrowserLogStore } from "./log_store";
import type { Scan } from "./logs";

export type Client = PublicClient<HttpTransport, Chain>;

export interface Plimsoll {
  deployment: Deployment;
  client: Client;
  chain: Chain;
  config: Config;
  history: HistoryReader;
  store: BrowserLogStore;
  /** Each reading of logs, by its name. */
  scans: Map<string, Scan>;
}

export function connectTo(deployment: Deployment): Plimsoll {
  const chain = defineChain({
    id: deployment.chainId,
    name: deployment.network === "local" ? "Plimsoll local" : `Plimsoll ${deployment.network}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [deployment.rpcUrl] } },
    testnet: true,
  });
  const transport = http(deployment.rpcUrl, { batch: { wait: 8 }, retryCount: 1, timeout: 8_000 });
  const config = createConfig({
    chains: [chain],
    connectors: [injected()],
    multiInjectedProviderDiscovery: true,
    storage: createStorage({ storage: window.localStorage, key: "plimsoll" }),
    transports: { [chain.id]: transport },
  });
  const client = createPublicClient({ chain, transport, pollingInterval: 500, cacheTime: 0 });
  const store = new BrowserLogStore(deployment);
  const history = new HistoryReader(client, store, deployment);
  return { deployment, client, chain, config, history, store, scans: new Map() };
}

const Context = createContext<Plimsoll | null>(null);
export const PlimsollProvider = Context.Provider;

export function usePlimsoll(): Plimsoll {
  const plimsoll = useContext(Context);
  if (plimsoll === null) throw new Error("used outside of PlimsollProvider");
  return plimsoll;
}
