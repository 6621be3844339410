/** What happened in the markets, worked out from their events alone. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Address } from "../lib/deployment";
import { MarketHistory } from "../lib/history/market";
import { usePlimsoll } from "./context";

const POLL_MS = 1_000;

export interface History {
  /** False until all events up to now have been read. */
  isRead: boolean;
  of: (market: Address) => MarketHistory;
}

/** A new object whenever something happened. */
export function useHistory(): History {
  const { history, deployment } = usePlimsoll();
  const { data: version } = useQuery({
    queryKey: ["history"],
    queryFn: () => history.read(),
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
  });
  return useMemo(
    () => ({
      isRead: version !== undefined,
      of: (market) => history.markets.get(market.toLowerCase()) ?? new MarketHistory(deployment.collateral.decimals),
    }),
    [version, history, deployment],
  );
}
