/** Liquidations and ADL of the connected account, and which of them it has read. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Address } from "../lib/deployment";
import { incidentsOf, type Incident } from "../lib/history/incidents";
import { usePlimsoll } from "./context";
import { useHistory } from "./history";

export function useIncidents(owner: Address | undefined): Incident[] {
  const { deployment } = usePlimsoll();
  const history = useHistory();
  return useMemo(() => {
    if (owner === undefined) return [];
    return deployment.markets
      .flatMap(({ symbol, address }) => incidentsOf(owner, symbol, history.of(address)))
      .toSorted((a, b) => (a.time < b.time ? 1 : -1));
  }, [owner, deployment, history]);
}

const listeners = new Set<() => void>();

/** Read incidents stay read after a reload, on this chain and for this account. */
export function useRead(owner: Address | undefined): [ReadonlySet<string>, (key: string) => void] {
  const { deployment } = usePlimsoll();
  const name = `plimsoll.read.${deployment.genesisHash}.${(owner ?? "").toLowerCase()}`;
  const stored = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => window.localStorage.getItem(name) ?? "",
  );
  const read = useMemo(() => new Set(stored.split("\n")), [stored]);
  const markRead = useCallback(
    (key: string) => {
      window.localStorage.setItem(name, `${window.localStorage.getItem(name) ?? ""}${key}\n`);
      for (const listener of listeners) listener();
    },
    [name],
  );
  return [read, markRead];
}
