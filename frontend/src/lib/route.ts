/** The page's address: everything after the `#`. */

export type Route =
  | { page: "trade"; symbol: string | null }
  | { page: "vault" }
  | { page: "risk" }
  | { page: "round"; symbol: string; round: bigint }
  | { page: "portfolio" };

export function parseRoute(hash: string): Route {
  const [page = "", symbol = "", round = ""] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (page === "vault" || page === "portfolio") return { page };
  if (page === "risk") {
    return symbol !== "" && /^\d{1,20}$/.test(round)
      ? { page: "round", symbol, round: BigInt(round) }
      : { page: "risk" };
  }
  return { page: "trade", symbol: symbol === "" ? null : symbol };
}

export function formatRoute(route: Route): string {
  switch (route.page) {
    case "trade":
      return route.symbol === null ? "#/trade" : `#/trade/${encodeURIComponent(route.symbol)}`;
    case "round":
      return `#/risk/${encodeURIComponent(route.symbol)}/${route.round}`;
    default:
      return `#/${route.page}`;
  }
}

/** What the window is called: that is what a screen reader says first, and what tells tabs apart. */
export function titleOf(route: Route): string {
  switch (route.page) {
    case "trade":
      return `Trade${route.symbol === null ? "" : ` ${route.symbol}`} · Plimsoll`;
    case "round":
      return `ADL round ${route.symbol} #${route.round} · Plimsoll`;
    default:
      return `${route.page[0]?.toUpperCase()}${route.page.slice(1)} · Plimsoll`;
  }
}
