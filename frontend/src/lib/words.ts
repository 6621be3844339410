/** What the contracts say, in a trader's words. What is not listed is shown as the contract said it. */
import { formatUnits } from "./fixed";

const REASONS: Record<string, string> = {
  "wait: stale price": "Waiting: the price is too old. The order stays until a fresh one arrives.",
  "wait: price older than the market's": "Waiting for a price newer than the market's last one.",
  "wait: price not newer than the order": "Waiting for a price published after the order.",
  "wait: crank first": "Waiting: bankrupt positions must be closed first. A keeper is on it.",
  "wait: trigger not reached": "Waiting: the price has not reached the trigger.",
  "stale price": "The price is too old. Wait for a fresh one.",
  "wait: no price": "This market has no price yet.",
  "not enough free balance": "Your free balance is too small. Deposit first.",
  "nothing to deposit": "Enter an amount above zero.",
  "amount is zero": "Enter an amount above zero.",
  "amount out of range": "This amount is larger than any market takes.",
  "size is zero": "Enter a size above zero.",
  "size too big": "This size is larger than any market takes.",
  "nothing to reduce": "There is nothing left to close: the position is gone or faces the other way.",
  "no position": "There is no position here.",
  "no such order": "This order no longer exists: it was executed, cancelled or refunded.",
  "not your order": "Only its owner can cancel this order before it expires.",
  "already expired": "The order would expire before it is placed.",
  expired: "The order expired before it could be executed.",
  "below initial margin": "Too little margin for this size. Lower the leverage.",
  "margin does not cover premium and fee": "The margin does not cover the fee and the price of the skew. Add margin.",
  "position below the smallest value": "The position would be below the market's smallest size.",
  "too small for its bucket": "The position would be too small. Take a larger size.",
  "market is at its open capacity": "The market has no room on this side: the vault takes no more skew now.",
  "market is paused": "This market opens no positions at the moment. Closing always works.",
  "market is settling: close instead": "This market is settling: it only closes positions.",
  "market only reduces": "This market only closes positions.",
  "unknown market": "The order book does not know this market.",
  "price above the acceptable price": "The price moved above your slippage limit.",
  "price below the acceptable price": "The price moved below your slippage limit.",
  "bankruptcy price out of range": "The leverage is too low for the market's grid. Put in less margin.",
  "margin per unit out of range": "The margin for each unit is outside of the market's grid.",
  "open interest out of range": "The market cannot hold this much open interest.",
  "more than the position's equity": "That is more than the position is worth.",
  "faucet: come back later": "The faucet has given you its share. Come back later.",
  "markets are settled": "Every market is settled: redeem or unstake instead.",
  "wait: market not settled": "Waiting: every market must be clean at a fresh price. A keeper is on it.",
  "wait: cooldown": "Waiting for the cooldown.",
  "wait: next round": "This request has had its part of the round. More is free in the next one.",
  "wait: nothing is free": "Waiting: the vault needs all that it has for open positions. Each new round tries again.",
  "request lapsed": "The request has lapsed. Cancel it and ask again.",
  "shares are locked": "Fresh shares are locked for a while.",
  "above the deposit cap": "The vault takes no more than its cap.",
  "vault owes more than it has": "The vault owes more than it has and takes no deposits now.",
  "erc20: insufficient allowance": "The token does not let the contract take this amount. Try again and sign anew.",
  "erc20: transfer amount exceeds balance": "Your wallet holds less.",
  "not enough shares": "You have fewer shares.",
  "amount too small": "The amount is too small to buy a share.",
  "below minimum": "The price moved: it would bring less than expected. Try again.",
  "amount too small for its tick": "This amount is too small to move the position. Add more.",
  "not a delegate": "The session key is not (or no longer) allowed to act for you.",
  "delegate: other market": "The session key may not trade in this market.",
  "delegate: no orders left": "The session key has used up its orders.",
  "delegate: notional used up": "The session key has used up its notional.",
  "exits: trigger on the wrong side of the order":
    "A take-profit belongs beyond the order's own trigger, a stop-loss behind it: this exit would fill at once.",
  "exits: triggers on the wrong sides": "The take-profit and the stop-loss are on the wrong sides of each other.",
  "not enough gas": "The transaction was sent with too little gas.",
};

function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const upper = trimmed[0]?.toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}

export function reasonInWords(reason: string): string {
  return REASONS[reason.trim()] ?? sentence(reason.replace(/^wait: /, "Waiting: "));
}

/** The order can be placed all the same: it executes when the reason is gone. */
export const isWait = (reason: string): boolean => reason.startsWith("wait: ");

/** "3 s", "2 min", "5 h": whole units, the largest that fits. */
export function formatAge(seconds: bigint): string {
  const age = seconds < 0n ? 0n : seconds;
  if (age < 100n) return `${age} s`;
  if (age < 6_000n) return `${age / 60n} min`;
  if (age < 172_800n) return `${age / 3_600n} h`;
  return `${age / 86_400n} d`;
}

/** An interval of candles as on other charts: "5s", "15m", "4h", "1d". */
export function formatInterval(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${seconds / 60}m`;
  return seconds < 86_400 ? `${seconds / 3_600}h` : `${seconds / 86_400}d`;
}

/** The five lights: 1 is the last fifth of the queue, 5 the first. */
export function lightsInWords(lights: number): string {
  switch (lights) {
    case 0:
      return "Not in the ADL queue: only positions in profit can be deleveraged.";
    case 1:
      return "Last fifth of the ADL queue.";
    case 2:
      return "Fourth fifth of the ADL queue.";
    case 3:
      return "Middle of the ADL queue.";
    case 4:
      return "Second fifth of the ADL queue: near the front.";
    default:
      return "First fifth of the ADL queue: among the first to be deleveraged.";
  }
}

export function fundingInWords(ratePerDay: bigint): string {
  if (ratePerDay === 0n) return "nobody pays";
  return ratePerDay > 0n ? "longs pay" : "shorts pay";
}

export function shortAddress(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

/** "14:03:27", UTC. */
export function formatClock(time: bigint): string {
  return new Date(Number(time) * 1000).toISOString().slice(11, 19);
}

/** "2026-11-22 14:03:27", UTC. */
export function formatTime(time: bigint): string {
  return new Date(Number(time) * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** A bucket by its place in the grid: class and tick. */
export function bucketInWords(id: bigint): string {
  return `${(id >> 16n) & 255n}:${(id & 65_535n) - 32_768n}`;
}

export const positionsInWords = (count: number): string => (count === 1 ? "1 position" : `${count} positions`);

interface Payers {
  skin_in_the_game: bigint;
  insurance: bigint;
  adl: bigint;
  vault: bigint;
}

/** Who bore a loss beyond margin, in the order in which they are asked. */
export function payersInWords(paid: Payers, money: (cash: bigint) => string): string {
  const parts = [
    ["skin in the game", paid.skin_in_the_game],
    ["insurance", paid.insurance],
    ["winners", paid.adl],
    ["the vault", paid.vault],
  ] as const;
  const told = parts.filter(([, cash]) => cash > 0n).map(([name, cash]) => `${name} ${money(cash)}`);
  return told.length === 0 ? "nobody" : told.join(", ");
}

interface Standing {
  is_eligible: boolean;
  units_ahead: bigint;
  units_eligible: bigint;
  lights: bigint;
}

/** "2 of 5 lights, 3.1 BTC of 12 ahead". */
export function placeInWords(place: Standing, symbol: string): string {
  if (!place.is_eligible) return "not in the queue";
  return `${place.lights} of 5 lights, ${formatUnits(place.units_ahead)} of ${formatUnits(place.units_eligible)} ${symbol} ahead`;
}
