/** Funding that a position has paid: its units times what the funding index has moved since they joined. */
import { useQueries } from "@tanstack/react-query";
import { marketAbi } from "../generated/abis";
import type { HeldPosition, MarketView } from "./reads";
import { usePlimsoll } from "./context";
import { useHistory } from "./history";
import type { Address } from "../lib/deployment";
import { cashScale, ceilDiv } from "../lib/fixed";

export interface Costs {
  /** Cash, above zero if paid. Null while unknown: a node that forgets old blocks cannot tell. */
  funding: bigint | null;
  /** Trading fees since the position was opened. */
  fees: bigint;
}

export function useCosts(owner: Address | undefined, position: HeldPosition, view: MarketView | null): Costs {
  const { client, deployment } = usePlimsoll();
  const history = useHistory().of(position.info.address);
  const holding = owner === undefined ? undefined : history.holdings.held.get(owner.toLowerCase());
  const lots = holding?.lots ?? [];
  const indexes = useQueries({
    queries: lots.map(({ block }) => ({
      queryKey: ["funding index", position.info.address, block.toString()],
      queryFn: () =>
        client.readContract({
          address: position.info.address,
          abi: marketAbi,
          functionName: "funding_index_now",
          blockNumber: block,
        }),
      staleTime: Number.POSITIVE_INFINITY,
      networkMode: "always" as const,
    })),
  });
  const fees = holding?.fees ?? 0n;
  if (view === null || holding === undefined) return { funding: null, fees };
  let paid = 0n;
  for (const [i, lot] of lots.entries()) {
    const index = indexes[i]?.data;
    if (index === undefined) return { funding: null, fees };
    paid += lot.units * (view.funding_index - index);
  }
  return {
    funding: ceilDiv(position.view.side === 0n ? paid : -paid, cashScale(deployment.collateral.decimals)),
    fees,
  };
}
