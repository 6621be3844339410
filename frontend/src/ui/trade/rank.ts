/** Where the trader would stand in the ADL queue after what a form proposes. */
import { useHistory } from "../../chain/history";
import type { HeldPosition, MarketState, Quote } from "../../chain/reads";
import { abs } from "../../lib/fixed";
import { bucketAfterIncrease, bucketAfterMargin, placeOf, type Place, type Standing } from "../../lib/rank";
import { usePlimsoll } from "../../chain/context";

const NOWHERE: Place = { isEligible: false, unitsAhead: 0n, unitsEligible: 0n, lights: 0, score: 0n };

type Move = { quote: Quote; margin: bigint } | { addMargin: bigint };

/** Undefined while it cannot be told. */
export function usePlaceAfter(market: MarketState, position: HeldPosition | undefined, move: Move): Place | undefined {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const history = useHistory();
  if (market.view === null || !history.isRead) return undefined;
  const at = { price: market.view.index_price, funding: market.view.funding_index };
  const live = history.of(market.info.address).buckets.live.values();
  const held =
    position === undefined
      ? undefined
      : { bucket: position.bucket, units: position.view.units, basis: position.view.basis };

  if ("addMargin" in move) {
    if (held === undefined) return NOWHERE;
    const bucket = bucketAfterMargin(held, move.addMargin, at, decimals);
    return bucket === null ? undefined : placeOf(live, held, { bucket, units: held.units }, at);
  }
  const { quote, margin } = move;
  if (quote.error !== "") return undefined;
  const units = abs(quote.units_after);
  const isSameSide =
    held !== undefined && quote.units_after !== 0n && held.bucket >> 24n === (quote.units_after > 0n ? 0n : 1n);
  // A new position is never in profit beyond its margin.
  if (!isSameSide) return NOWHERE;
  let then: Standing = { bucket: held.bucket, units };
  if (units > held.units) {
    const bucket = bucketAfterIncrease(held, margin, quote.margin_locked, units, at, decimals);
    if (bucket === null) return undefined;
    then = { bucket, units };
  }
  return placeOf(live, held, then, at);
}
