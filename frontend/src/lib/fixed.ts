/** Fixed-point numbers as the contracts keep them: prices and units in WAD, cash in base units of the token. */

export const WAD = 10n ** 18n;
export const BPS = 10_000n;

export const abs = (value: bigint): bigint => (value < 0n ? -value : value);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);
export const clamp = (value: bigint, low: bigint, high: bigint): bigint => max(low, min(value, high));

/** Rounds toward minus infinity; `b` must be positive. */
export function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** Rounds toward plus infinity; `b` must be positive. */
export function ceilDiv(a: bigint, b: bigint): bigint {
  return -floorDiv(-a, b);
}

/** cash = units * price // cashScale(decimals) */
export const cashScale = (decimals: number): bigint => 10n ** BigInt(36 - decimals);

/** What `units` are worth at `price`, in base units of the token, rounded down. */
export function notional(units: bigint, price: bigint, decimals: number): bigint {
  return floorDiv(abs(units) * price, cashScale(decimals));
}

/** `part` of `whole` as a WAD share, rounded down; 0 of nothing. */
export const shareOf = (part: bigint, whole: bigint): bigint => (whole === 0n ? 0n : floorDiv(part * WAD, whole));

/** Thousands in groups of three, all of them: half the world writes "0,125" and "1.234,567" for something else. */
const GROUPED = /^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/;

/** Reads what a person types: "1,234.5" -> 1234500000n at 6 decimals. Null if it is no number or too precise. */
export function parseDecimal(text: string, decimals: number): bigint | null {
  const plain = text.trim();
  const match = /^(\d*)(?:\.(\d*))?$/.exec(GROUPED.test(plain) ? plain.replaceAll(",", "") : plain);
  if (match === null) return null;
  const whole = match[1] ?? "";
  const fraction = match[2] ?? "";
  if (whole === "" && fraction === "") return null;
  if (fraction.length > decimals) return null;
  return BigInt(whole || "0") * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, "0") || "0");
}

/** Why `parseDecimal` reads no number, `what` being asked for: "an amount". */
export function whyNoNumber(text: string, decimals: number, what: string): string {
  if (text.includes(","))
    return `This is not ${what}: decimals come after a point, commas only between thousands, as in 1,234.5.`;
  const places = /^\d*\.(\d+)$/.exec(text.trim())?.[1]?.length ?? 0;
  return places > decimals ? `This is not ${what}: it has more than ${decimals} decimals.` : `This is not ${what}.`;
}

export interface FormatOptions {
  /** Digits after the point; the rest is cut off toward zero. */
  places?: number;
  /** Drop zeros at the end of the fraction. */
  trim?: boolean;
  /** Write a plus before what is above zero. */
  sign?: boolean;
  /** Thousands separators; on unless turned off (an input field has none). */
  group?: boolean;
}

const MINUS = "−";

/** Cut, not rounded: a screen never shows more than there is. */
export function formatDecimal(value: bigint, decimals: number, options: FormatOptions = {}): string {
  const { places = decimals, trim = false, sign = false, group = true } = options;
  const size = abs(value);
  const one = 10n ** BigInt(decimals);
  const digits = (size / one).toString();
  const whole = group ? digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",") : digits;
  let fraction = (size % one)
    .toString()
    .padStart(decimals, "0")
    .slice(0, decimals === 0 ? 0 : decimals);
  fraction = places <= decimals ? fraction.slice(0, places) : fraction.padEnd(places, "0");
  if (trim) fraction = fraction.replace(/0+$/, "");
  const isZero = /^0*$/.test(digits) && /^0*$/.test(fraction);
  const prefix = isZero ? "" : value < 0n ? (group ? MINUS : "-") : sign ? "+" : "";
  return fraction === "" ? `${prefix}${whole}` : `${prefix}${whole}.${fraction}`;
}

/** Cash with two places: "1,234.50". */
export function formatCash(value: bigint, decimals: number, options: FormatOptions = {}): string {
  return formatDecimal(value, decimals, { places: Math.min(2, decimals), ...options });
}

/** A price with as many places as its size calls for. */
export function formatPrice(price: bigint): string {
  const size = abs(price);
  const places = size >= 10_000n * WAD ? 1 : size >= 100n * WAD ? 2 : size >= WAD ? 3 : 6;
  return formatDecimal(price, 18, { places });
}

/** Units of the base asset, at most six places. */
export function formatUnits(units: bigint, options: FormatOptions = {}): string {
  const places = abs(units) >= 1_000n * WAD ? 2 : abs(units) >= WAD ? 4 : 6;
  return formatDecimal(units, 18, { places, trim: true, ...options });
}

/** A share in WAD as a percentage: 0.0123 -> "1.23 %". */
export function formatPercent(share: bigint, options: FormatOptions = {}): string {
  return `${formatDecimal(share * 100n, 18, { places: 2, ...options })}%`;
}

/** "25.6×"; what has no equity left has no leverage worth a number. */
export function formatLeverage(leverage: bigint): string {
  return leverage > 1_000n * WAD ? ">1,000×" : `${formatDecimal(leverage, 18, { places: 1 })}×`;
}

/** "12.34M": for headers, where the size counts and not the digit. */
export function formatCompact(value: bigint, decimals: number): string {
  const one = 10n ** BigInt(decimals);
  const size = abs(value);
  for (const [power, letter] of [
    [9, "B"],
    [6, "M"],
    [3, "K"],
  ] as const) {
    const step = one * 10n ** BigInt(power);
    if (size >= step) return `${formatDecimal(value, decimals + power, { places: 2 })}${letter}`;
  }
  return formatDecimal(value, decimals, { places: Math.min(2, decimals) });
}

/** For drawing only (charts want floating point); never for money that is sent anywhere. */
export function toNumber(value: bigint, decimals: number): number {
  return Number(formatDecimal(value, decimals, { places: Math.min(decimals, 12), group: false }));
}
