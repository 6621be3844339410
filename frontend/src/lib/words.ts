/** What the contracts say, in a trader's words. What is not listed is shown as the contract said it. */

const REASONS: Record<string, string> = {
  "wait: stale price": "Waiting: the price is too old. The order stays until a fresh one arrives.",
  "wait: price not newer than the order": "Waiting for a price published after the order.",
  "wait: crank first": "Waiting: bankrupt positions must be closed first. A keeper is on it.",
  "not enough free balance": "Your free balance is too small.",
  "nothing to deposit": "Enter an amount.",
  "no price": "This market has no price yet.",
  "no such order": "This order no longer exists. It was executed, cancelled or refunded.",
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

/** "3 s", "2 min", "5 h": whole units, the largest that fits. */
export function formatAge(seconds: bigint): string {
  const age = seconds < 0n ? 0n : seconds;
  if (age < 100n) return `${age} s`;
  if (age < 6_000n) return `${age / 60n} min`;
  if (age < 172_800n) return `${age / 3_600n} h`;
  return `${age / 86_400n} d`;
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
