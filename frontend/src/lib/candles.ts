/** Published prices become candles, for drawing. */
import { formatPrice, max, min, toNumber } from "./fixed";
import { formatClock } from "./words";

export interface PricePoint {
  price: bigint;
  publishedAt: bigint;
}

export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

/** One candle for each `seconds` in which a price was published; points must come in the order of their time. */
export function toCandles(points: readonly PricePoint[], seconds: number): Candle[] {
  const candles: Candle[] = [];
  for (const point of points) {
    const price = toNumber(point.price, 18);
    const published = Number(point.publishedAt);
    const time = published - (published % seconds);
    const last = candles.at(-1);
    if (last === undefined || time > last.time) {
      const open = last?.close ?? price;
      candles.push({ time, open, high: Math.max(open, price), low: Math.min(open, price), close: price });
    } else {
      last.high = Math.max(last.high, price);
      last.low = Math.min(last.low, price);
      last.close = price;
    }
  }
  return candles;
}

/** Seconds of one candle, as a trader may choose. */
export const INTERVALS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400] as const;

/** The shortest interval that shows the whole span in at most `most` candles. */
export function intervalFor(points: readonly PricePoint[], most: number): number {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return INTERVALS[0];
  const span = Number(last.publishedAt - first.publishedAt);
  return INTERVALS.find((seconds) => span / seconds <= most) ?? 86_400;
}

/** The least part of the height that candles keep when lines far from them are on the chart, too. */
const LEAST_SHARE = 0.2;

/** The prices from `low` to `high`, and the nearest of `lines` as far as that does not press the candles flat. */
export function rangeWithLines(low: number, high: number, lines: readonly number[]): [low: number, high: number] {
  const size = high - low;
  const distance = (line: number) => Math.max(low - line, line - high);
  let range: [number, number] = [low, high];
  for (const line of lines.toSorted((a, b) => distance(a) - distance(b))) {
    const wider: [number, number] = [Math.min(range[0], line), Math.max(range[1], line)];
    if (size >= (wider[1] - wider[0]) * LEAST_SHARE) range = wider;
  }
  return range;
}

/** What a chart of `points` shows, for those who cannot see it. */
export function chartInWords(points: readonly PricePoint[]): string {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return "There is no price yet.";
  const prices = points.map(({ price }) => price);
  return (
    `From ${formatPrice(first.price)} at ${formatClock(first.publishedAt)} to ${formatPrice(last.price)} at ` +
    `${formatClock(last.publishedAt)} UTC; lowest ${formatPrice(prices.reduce(min))}, highest ${formatPrice(prices.reduce(max))}.`
  );
}
