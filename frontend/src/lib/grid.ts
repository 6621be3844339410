/**
 * The grid as the contracts keep it (`contracts/modules/grid.vy`): a bucket is one number,
 * id = side << 24 | class << 16 | (tick + 32768).
 */
import { WAD, ceilDiv } from "./fixed";

export const LONG = 0n;

const MANTISSAS = [1024n, 1218n, 1448n, 1722n] as const;
const LOWEST_OCTAVE = 30n;
const TICK_OFFSET = 32_768n;

export const sideOf = (id: bigint): bigint => id >> 24n;
export const classOf = (id: bigint): bigint => (id >> 16n) & 255n;
/** Side and class: the column a bucket stands in. */
export const columnOf = (id: bigint): bigint => id >> 16n;

/** Least margin per unit of a class, WAD. */
export function floorOf(index: bigint): bigint {
  const mantissa = MANTISSAS[Number(index & 3n)] ?? 0n;
  return mantissa << ((index >> 2n) + LOWEST_OCTAVE - 10n);
}

/** All of a unit's equity up to here counts as principal, WAD. */
export const ceilOf = (id: bigint): bigint => floorOf(classOf(id) + 1n);

/** The coordinate at which the bucket is worth nothing, WAD, signed. */
export const betaOf = (id: bigint): bigint => ((id & 65_535n) - TICK_OFFSET) * (floorOf(classOf(id)) >> 4n);

/** Price net of funding, with the sign that makes higher better for the holder. */
export const coordinate = (side: bigint, price: bigint, funding: bigint): bigint =>
  side === LONG ? price - funding : funding - price;

/** Equity per unit, WAD, negative when bankrupt. */
export const equityOf = (id: bigint, price: bigint, funding: bigint): bigint =>
  coordinate(sideOf(id), price, funding) - betaOf(id);

/** (p / ceil) * (P / e) in WAD, rounded up as the market does; 0 for a bucket that is not in profit. */
export function scoreOf(id: bigint, price: bigint, funding: bigint): bigint {
  const ceiling = ceilOf(id);
  const equity = equityOf(id, price, funding);
  const profit = equity - ceiling;
  if (profit <= 0n) return 0n;
  const ratio = ceilDiv(profit * WAD * WAD, equity);
  return ceilDiv(price * ratio, ceiling * WAD);
}
