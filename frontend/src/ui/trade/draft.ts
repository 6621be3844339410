/** What a trader has typed into the order form, and what it amounts to. */
import { useState } from "react";
import { usePlimsoll } from "../../chain/context";
import { useQuote, type Account, type HeldPosition, type MarketState, type Quote, type Venue } from "../../chain/reads";
import { useWallet } from "../../chain/wallet";
import { WAD, formatCash, notional, parseDecimal, whyNoNumber } from "../../lib/fixed";
import {
  LIMIT_KIND,
  MARKET_KIND,
  STOP_KIND,
  exitOrders,
  exitsProblem,
  parsePrice,
  priceProblem,
  triggerProblem,
  worstPrice,
  type Exits,
  type OrderArgs,
  type Tolerance,
} from "../../lib/orders_draft";
import { hasMovedOn, marginFor, maxLeverage, openingPart, shortfall, sizeDelta, type Side } from "../../lib/ticket";
import { isWait, reasonInWords } from "../../lib/words";
import { useSettled } from "../hooks";

export type Kind = "market" | "limit" | "stop";
export const KINDS: Record<Kind, bigint> = { market: MARKET_KIND, limit: LIMIT_KIND, stop: STOP_KIND };
const MARKET_SECONDS = 300n;
const EXIT_SECONDS = 30n * 86_400n;

export interface Draft {
  kind: Kind;
  side: Side;
  size: string;
  unit: "usd" | "units";
  trigger: string;
  leverage: number;
  tolerance: "25" | "100" | "300" | "any";
  isReduceOnly: boolean;
  seconds: string;
  hasExits: boolean;
  takeProfit: string;
  stopLoss: string;
}

const EMPTY: Draft = {
  kind: "market",
  side: "long",
  size: "",
  unit: "usd",
  trigger: "",
  leverage: 10,
  tolerance: "100",
  isReduceOnly: false,
  seconds: "86400",
  hasExits: false,
  takeProfit: "",
  stopLoss: "",
};

export const toleranceOf = (text: string): Tolerance => (text === "any" ? null : BigInt(text));

export interface Outlook {
  leverage: bigint;
  mostLeverage: number;
  /** Signed units; 0 while there is no size. */
  delta: bigint;
  margin: bigint;
  /** Escrowed for keepers: one fee for each order. */
  keeperFees: bigint;
  quote: Quote | undefined;
  problem: string;
  canPlace: boolean;
  /** Nothing else is missing than what the contracts say to it. */
  isQuoting: boolean;
  exits: Exits;
  /** Complete but for the time at which they expire. */
  orders: (now: bigint) => OrderArgs[];
}

interface Inputs {
  market: MarketState;
  venue: Venue;
  account: Account | undefined;
  position: HeldPosition | undefined;
}

interface Drafting {
  draft: Draft;
  change: (changes: Partial<Draft>) => void;
  /** Empties what `sent` says, unless something else has been typed since. */
  clear: (sent: Draft) => void;
}

export function useDraft(): Drafting {
  const [draft, setDraft] = useState(EMPTY);
  return {
    draft,
    change: (changes) => setDraft((before) => ({ ...before, ...changes })),
    clear: (sent) =>
      setDraft((before) => {
        const left = (name: "size" | "takeProfit" | "stopLoss") => (before[name] === sent[name] ? "" : before[name]);
        return { ...before, size: left("size"), takeProfit: left("takeProfit"), stopLoss: left("stopLoss") };
      }),
  };
}

/** The price at the last edit, while it is near enough: with every new one a size in USD would be another order. */
function useAskedPrice(draft: Draft, price: bigint): bigint {
  const [asked, setAsked] = useState({ draft, price });
  if (asked.draft === draft && !hasMovedOn(price, asked.price)) return asked.price;
  setAsked({ draft, price });
  return price;
}

function formProblem(draft: Draft, size: bigint | null, places: number, exits: Exits, at: bigint): string {
  if (draft.size !== "" && size === null) return whyNoNumber(draft.size, places, "a size");
  const noTrigger = draft.kind === "market" ? "" : priceProblem(draft.trigger);
  if (noTrigger !== "" || !draft.hasExits || draft.isReduceOnly) return noTrigger;
  return priceProblem(draft.takeProfit, draft.stopLoss) || exitsProblem(draft.side, at, exits);
}

/** Everything about the draft that the contracts say, and what keeps it from being placed. */
export function useOutlook(draft: Draft, { market, venue, account, position }: Inputs): Outlook {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const wallet = useWallet();
  const { params, view, info } = market;
  const kind = KINDS[draft.kind];
  const index = view?.index_price ?? 0n;
  const trigger = draft.kind === "market" ? 0n : parsePrice(draft.trigger);
  const at = trigger === null || trigger === 0n ? index : trigger;
  const mostLeverage = Number(maxLeverage(params.initial_margin_bps));
  const leverage = BigInt(Math.min(draft.leverage, mostLeverage)) * WAD;

  const places = draft.unit === "usd" ? decimals : 18;
  const size = parseDecimal(draft.size, places);
  const sign = draft.side === "long" ? 1n : -1n;
  const asked = useAskedPrice(draft, at);
  const typed = size === null ? 0n : draft.unit === "usd" ? sizeDelta(draft.side, size, asked, decimals) : sign * size;
  const delta = useSettled(typed, 120);
  const held = position === undefined ? 0n : position.view.side === 0n ? position.view.units : -position.view.units;
  const opening = draft.isReduceOnly ? 0n : openingPart(held, delta);
  const openingCash = notional(opening, asked, decimals);
  // Priced without margin first: what it costs does not depend on it.
  const cost = useQuote(info.address, undefined, opening === 0n ? 0n : delta > 0n ? opening : -opening, openingCash);
  const premium = cost.data?.premium ?? 0n;
  const margin = opening === 0n ? 0n : marginFor(openingCash, leverage, params.taker_fee_bps, premium);
  const quote = useQuote(info.address, wallet.address, delta, margin);

  const hasExits = draft.hasExits && !draft.isReduceOnly;
  const exits = {
    takeProfit: hasExits ? parsePrice(draft.takeProfit) : null,
    stopLoss: hasExits ? parsePrice(draft.stopLoss) : null,
  };
  const orders = (now: bigint): OrderArgs[] => {
    const isWaitingNow = isWait(quote.data?.error ?? "");
    // A trigger is met at a price that nobody knows yet: the limit is around the trigger.
    const around = kind !== MARKET_KIND || isWaitingNow ? at : (quote.data?.fill_price ?? at);
    return [
      {
        market: info.address,
        kind,
        size_delta: delta,
        margin,
        trigger_price: trigger ?? 0n,
        acceptable_price: worstPrice(around, delta > 0n, toleranceOf(draft.tolerance)),
        reduce_only: draft.isReduceOnly,
        expires_at: now + (kind === MARKET_KIND ? MARKET_SECONDS : BigInt(draft.seconds)),
      },
      ...exitOrders(info.address, draft.side, exits, now + EXIT_SECONDS),
    ];
  };
  const keeperFees = venue.keeperFee * BigInt(orders(0n).length);
  const missing = account === undefined ? 0n : shortfall(margin, keeperFees, account.free);
  const error = quote.data?.error ?? "";
  const after = quote.data?.units_after ?? 0n;
  const hasNothingToExit =
    exits.takeProfit !== null || exits.stopLoss !== null ? after * (draft.side === "long" ? 1n : -1n) <= 0n : false;
  const cannotReduce = draft.isReduceOnly && delta !== 0n && held * delta >= 0n;
  // What the market would refuse now, an order that waits for another price may still meet.
  const isFinal = error !== "" && !isWait(error) && kind === MARKET_KIND;
  const isMissingTrigger = trigger === null || (kind !== MARKET_KIND && trigger === 0n);
  const blocking =
    formProblem(draft, size, places, exits, at) ||
    (delta === 0n
      ? ""
      : quote.isError
        ? "The contracts cannot quote this now."
        : cannotReduce
          ? "There is no position on the other side to reduce."
          : isFinal
            ? reasonInWords(error)
            : error === "" && hasNothingToExit
              ? `This order leaves no ${draft.side} position for take-profit and stop-loss to close.`
              : missing > 0n
                ? `Your free balance is ${formatCash(missing, decimals)} ${symbol} short. Deposit first.`
                : "");
  const advice = delta === 0n ? "" : triggerProblem(kind, delta > 0n, trigger ?? 0n, index) || reasonInWords(error);
  // The margin follows the premium, and that the price: the quote of a moment ago is as good for the same order.
  const terms = `${wallet.address}/${typed}/${opening}/${leverage}`;
  const [quotedTerms, setQuotedTerms] = useState("");
  const isSettled = delta === typed && quote.data !== undefined && !quote.isPlaceholderData;
  if (isSettled && quotedTerms !== terms) setQuotedTerms(terms);
  const isQuoted = delta !== 0n && delta === typed && quote.data !== undefined && quotedTerms === terms;
  const isComplete = wallet.isReady && typed !== 0n && blocking === "" && !isMissingTrigger;
  return {
    leverage,
    mostLeverage,
    delta,
    margin,
    keeperFees,
    quote: delta === 0n ? undefined : quote.data,
    problem: blocking || advice,
    canPlace: isComplete && isQuoted,
    isQuoting: isComplete && !isQuoted,
    exits,
    orders,
  };
}
