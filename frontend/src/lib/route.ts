/** The page's address: everything after the `#`. */

export type Route =
  | { page: "trade"; symbol: string | null }
  | { page: "vault" }
  | { page: "risk" }
  | { page: "round"; symbol: string; round: bigint }
  | { page: "portfolio" };

/** Nothing where it is no such thing: anybody can write an address. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export function parseRoute(hash: string): Route {
  const [page = "", symbol = "", round = ""] = hash.replace(/^#\/?/, "").split("/").map(decoded);
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

/** The name of a page, for its heading and its window. */
export function nameOf(route: Route): string {
  switch (route.page) {
    case "trade":
      return route.symbol === null ? "Trade" : `Trade ${route.symbol}`;
    case "round":
      return `ADL round ${route.symbol} #${route.round}`;
    case "vault":
      return "Vault and insurance";
    case "risk":
      return "Risk";
    case "portfolio":
      return "Portfolio";
  }
}
