/** The connected wallet and whether it is on the chain of the deployment. */
import { useQuery } from "@tanstack/react-query";
import { useConnect, useConnection, useConnectors, useDisconnect, useSwitchChain, type Connector } from "wagmi";
import type { EIP1193Provider } from "viem";
import type { Address } from "../lib/deployment";
import { usePlimsoll } from "./context";

export interface Wallet {
  address: Address | undefined;
  name: string;
  isBusy: boolean;
  /** Its chain id is another one: it can be asked to switch. */
  isWrongChain: boolean;
  chainId: number | undefined;
  /** The id is right, the chain is not: its node is another one, or an older run of this one. */
  isOtherGenesis: boolean;
  isReady: boolean;
}

export function useWallet(): Wallet {
  const { deployment } = usePlimsoll();
  const { address, chainId, connector, status } = useConnection();
  const isWrongChain = chainId !== undefined && chainId !== deployment.chainId;
  const { data: isOtherGenesis = false } = useQuery({
    queryKey: ["wallet-genesis", connector?.uid ?? null, chainId ?? null],
    queryFn: async () => {
      const provider = (await connector?.getProvider()) as EIP1193Provider | undefined;
      // A wallet that will not tell is taken at its word.
      const genesis = await provider
        ?.request({ method: "eth_getBlockByNumber", params: ["0x0", false] })
        .catch(() => null);
      const hash = genesis?.hash?.toLowerCase();
      return hash !== undefined && hash !== deployment.genesisHash.toLowerCase();
    },
    enabled: status === "connected" && !isWrongChain,
    networkMode: "always",
    retry: false,
    refetchInterval: 4_000,
  });
  return {
    address,
    name: connector?.name ?? "",
    isBusy: status === "connecting" || status === "reconnecting",
    isWrongChain,
    chainId,
    isOtherGenesis: isOtherGenesis && !isWrongChain,
    isReady: status === "connected" && !isWrongChain && !isOtherGenesis,
  };
}

/** The wallets that announced themselves (EIP-6963); the one that only injects itself, where none did. */
export function useWallets(): readonly Connector[] {
  const connectors = useConnectors();
  const announced = connectors.filter((connector) => connector.id !== "injected");
  if (announced.length > 0) return announced;
  return "ethereum" in window ? connectors : [];
}

export { useConnect, useDisconnect, useSwitchChain };
