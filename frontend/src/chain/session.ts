/** One-click trading: a key kept in this browser that may place orders for its owner, within limits the contracts enforce. */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { ContractFunctionReturnType, Hex, PrivateKeyAccount } from "viem";
import { orderBookAbi } from "../generated/abis";
import type { Address, Deployment } from "../lib/deployment";
import { usePlimsoll } from "./context";

const POLL_MS = 2_000;

export type DelegateTerms = ContractFunctionReturnType<typeof orderBookAbi, "view", "delegate_terms">;

export interface Session {
  account: PrivateKeyAccount;
  /** All zero when it is not allowed (any more). */
  terms: DelegateTerms;
  gas: bigint;
}

const listeners = new Set<() => void>();

const nameOf = (deployment: Deployment, owner: Address) =>
  `plimsoll.session.${deployment.genesisHash}.${owner.toLowerCase()}`;

export function keepKey(deployment: Deployment, owner: Address, key: Hex | null): void {
  if (key === null) window.localStorage.removeItem(nameOf(deployment, owner));
  else window.localStorage.setItem(nameOf(deployment, owner), key);
  for (const listener of listeners) listener();
}

/** The session of `owner` in this browser; null if there is none. */
export function useSession(owner: Address | undefined): Session | null {
  const { client, deployment } = usePlimsoll();
  const key = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => (owner === undefined ? null : window.localStorage.getItem(nameOf(deployment, owner))),
  );
  const { data } = useQuery({
    queryKey: ["session", owner ?? null, key === null],
    queryFn: async (): Promise<Session | null> => {
      if (owner === undefined || key === null) return null;
      const { privateKeyToAccount } = await import("viem/accounts");
      const account = privateKeyToAccount(key as Hex);
      const [terms, gas] = await Promise.all([
        client.readContract({
          address: deployment.contracts.OrderBook,
          abi: orderBookAbi,
          functionName: "delegate_terms",
          args: [owner, account.address],
        }),
        client.getBalance({ address: account.address }),
      ]);
      return { account, terms, gas };
    },
    enabled: owner !== undefined && key !== null,
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
    structuralSharing: false,
  });
  return key === null ? null : (data ?? null);
}

export const isUsable = (session: Session | null): session is Session =>
  session !== null && session.terms.expires_at > 0n && session.terms.orders > 0n;
