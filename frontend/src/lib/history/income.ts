/** What the vault earned in a market, by source, from the market's events: the books of plimsoll/market_books.py. */
import { BPS, cashScale, clamp, floorDiv, abs } from "../fixed";
import type { MarketEvent } from "./events";
import { equityOf, sideOf, LONG } from "../grid";

export const SOURCES = [
  /** The vault's share of trading fees. */
  "fees",
  /** Paid by those who unbalanced the market, less what those got who brought it back. */
  "premium",
  /** Price moves of the position that the vault holds, the other side of the skew. */
  "price",
  /** Funding of that position. */
  "funding",
  /** Liquidated positions taken over at another price than the index price. */
  "liquidationSpread",
  /** The vault's share of liquidation penalties. */
  "penalties",
  /** Losses that nobody else was left to bear: below zero. */
  "lastResort",
  /** Keepers' rewards that neither penalties nor the fund's reserve paid: below zero. */
  "rewards",
  /** Equity that exits from a settled market were not paid. */
  "unpaidExits",
] as const;

export type Source = (typeof SOURCES)[number];
export type Income = Record<Source, bigint>;

/** A market as it is now, whatever its last event was. */
export interface MarketNow {
  price: bigint;
  fundingIndex: bigint;
  /** Cash that the fund's reserve has paid towards rewards there, ever. */
  toppedUp: bigint;
}

type Params = MarketEvent<"ParamsSet">["args"]["params"];

const DAY = 86_400n;
const NOTHING = Object.fromEntries(SOURCES.map((source) => [source, 0n])) as Income;

export class IncomeBook {
  /** Cash times `scale`: the product of a price and units. */
  private readonly sums: Income = { ...NOTHING };
  private readonly scale: bigint;
  private params: Params | null = null;
  private skew = 0n;
  private price = 0n;
  private fundingIndex = 0n;
  private fundedAt = 0n;
  private isSettling = false;
  /** Of penalties, what the reward to come pays out. */
  private keeperShare = 0n;

  constructor(decimals: number) {
    this.scale = cashScale(decimals);
  }

  /** By source up to now. Cash, each rounded down. */
  earned({ price, fundingIndex, toppedUp }: MarketNow): Income {
    const sums = { ...this.sums };
    if (!this.isSettling) {
      sums.price -= this.skew * (price - this.price);
      sums.funding += this.skew * (fundingIndex - this.fundingIndex);
    }
    sums.rewards += toppedUp * this.scale;
    return Object.fromEntries(SOURCES.map((source) => [source, floorDiv(sums[source], this.scale)])) as Income;
  }

  take(event: MarketEvent): void {
    if (event.eventName === "PriceRound") {
      this.fund(event.args.funding_index, event.time);
      if (this.price !== 0n) this.sums.price -= this.skew * (event.args.index_price - this.price);
      this.price = event.args.index_price;
      return;
    }
    this.accrue(event.time);
    switch (event.eventName) {
      case "ParamsSet":
        this.params = event.args.params;
        this.fundedAt = event.time;
        return;
      case "Traded":
        this.trade(event.args);
        return;
      case "Liquidated":
        this.liquidate(event.args);
        return;
      case "Deleveraged":
        this.skew -= signOf(event.args.bucket) * event.args.units;
        return;
      case "RewardPaid":
        this.sums.rewards -= (event.args.amount - this.keeperShare) * this.scale;
        this.keeperShare = 0n;
        return;
      case "Settling":
        this.isSettling = true;
        return;
      default:
    }
  }

  /** dF = P * clamp(k * K / psi, -r_max, r_max) * dt, at the price and skew in force. */
  private accrue(time: bigint): void {
    if (time <= this.fundedAt || this.params === null || this.isSettling) return;
    const { funding_k_bps, funding_max_bps, skew_scale } = this.params;
    const limit = funding_max_bps * skew_scale;
    const rate = clamp(funding_k_bps * this.skew, -limit, limit);
    const moved = floorDiv(this.price * (time - this.fundedAt) * rate, skew_scale * BPS * DAY);
    this.fund(this.fundingIndex + moved, time);
  }

  private fund(index: bigint, time: bigint): void {
    this.sums.funding += this.skew * (index - this.fundingIndex);
    this.fundingIndex = index;
    this.fundedAt = time;
  }

  private trade({ units_delta, bucket, paid_out, margin, fee, premium }: MarketEvent<"Traded">["args"]): void {
    this.skew += units_delta;
    if (this.isSettling) {
      const equity = abs(units_delta) * equityOf(bucket, this.price, this.fundingIndex);
      this.sums.unpaidExits += equity - (paid_out - margin) * this.scale;
      return;
    }
    this.sums.premium += premium * this.scale;
    this.sums.fees += ((fee * (this.params?.fee_vault_share_bps ?? 0n)) / BPS) * this.scale;
  }

  private liquidate(args: MarketEvent<"Liquidated">["args"]): void {
    const { bucket, units, penalty, to_vault, index_price, fill_price, vault } = args;
    const sign = signOf(bucket);
    this.skew -= sign * units;
    if (to_vault) this.sums.liquidationSpread += sign * units * (index_price - fill_price);
    const keeper = (penalty * (this.params?.penalty_keeper_share_bps ?? 0n)) / BPS;
    const insurance = (penalty * (this.params?.penalty_insurance_share_bps ?? 0n)) / BPS;
    this.keeperShare += keeper;
    this.sums.penalties += (penalty - keeper - insurance) * this.scale;
    this.sums.lastResort -= vault * this.scale;
  }
}

const signOf = (bucket: bigint): bigint => (sideOf(bucket) === LONG ? 1n : -1n);
