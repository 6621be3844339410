/** The ADL queue of one side as a picture: grid columns from left to right, equity upward. For drawing only. */
import { toNumber } from "./fixed";
import { classOf, equityOf, scoreOf, sideOf } from "./grid";

export interface Cell {
  id: bigint;
  units: bigint;
  /** 0 for what is not in profit beyond its margin. */
  score: bigint;
  /** 1 is the next to be deleveraged; 0 for what is not in the queue. */
  rank: number;
  /** 0 to 1, from the left and from the bottom. */
  x: number;
  y: number;
  /** Of the column, 0 to 1. */
  width: number;
  isLiquidatable: boolean;
}

export interface Picture {
  /** In the order of the queue, then the others. */
  cells: Cell[];
  columns: bigint[];
  eligible: number;
}

/** Equity as a share of the price on a logarithmic scale; less than this is drawn as nothing left. */
const LEAST_SHARE = 0.0005;

interface At {
  price: bigint;
  funding: bigint;
  maintenanceBps: bigint;
}

export function drawQueue(buckets: Iterable<{ id: bigint; units: bigint }>, side: bigint, at: At): Picture {
  const mine = [...buckets].filter(({ id }) => sideOf(id) === side);
  const columns = [...new Set(mine.map(({ id }) => classOf(id)))].toSorted((a, b) => (a < b ? -1 : 1));
  const place = new Map(columns.map((column, index) => [column, (index + 0.5) / columns.length]));
  const price = toNumber(at.price, 18);
  const largest = mine.reduce((most, { units }) => (units > most ? units : most), 1n);
  const margin = (at.price * at.maintenanceBps) / 10_000n;
  const equities = new Map(mine.map(({ id }) => [id, equityOf(id, at.price, at.funding)]));
  const level = (equity: bigint) => Math.log(Math.max(LEAST_SHARE, toNumber(equity, 18) / price));
  const levels = [...equities.values()].map(level);
  const [lowest, highest] = [Math.min(...levels), Math.max(...levels)];
  const height = (equity: bigint) => (highest === lowest ? 0.5 : (level(equity) - lowest) / (highest - lowest));
  const cells = mine.map(({ id, units }): Cell => {
    const equity = equities.get(id) ?? 0n;
    return {
      id,
      units,
      score: scoreOf(id, at.price, at.funding),
      rank: 0,
      x: place.get(classOf(id)) ?? 0,
      y: height(equity),
      width: 0.25 + 0.75 * Math.sqrt(Number((units * 10_000n) / largest) / 10_000),
      isLiquidatable: equity < margin,
    };
  });
  cells.sort((a, b) => (a.score === b.score ? (a.id < b.id ? -1 : 1) : a.score > b.score ? -1 : 1));
  let eligible = 0;
  for (const cell of cells) {
    if (cell.score === 0n) break;
    eligible += 1;
    cell.rank = eligible;
  }
  return { cells, columns, eligible };
}

/** The cell nearest to a point of the picture, in pixels of `width` and `height`. */
export function nearest(
  cells: readonly Cell[],
  x: number,
  y: number,
  width: number,
  height_: number,
): Cell | undefined {
  let best: Cell | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const cell of cells) {
    const distance = Math.abs(cell.x * width - x) * 1.5 + Math.abs((1 - cell.y) * height_ - y);
    if (distance < least) {
      least = distance;
      best = cell;
    }
  }
  return best;
}
