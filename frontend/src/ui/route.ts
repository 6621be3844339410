import { useMemo, useSyncExternalStore } from "react";
import { formatRoute, parseRoute, type Route } from "../lib/route";

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return useMemo(() => parseRoute(hash), [hash]);
}

export function go(route: Route): void {
  window.location.hash = formatRoute(route);
}
