/** A small market whose events are made as the contracts make them, for tests. */
import { BPS, WAD, cashScale, ceilDiv, floorDiv } from "../fixed";
import { betaOf, equityOf, floorOf, scoreOf } from "../grid";
import type { MarketEvent, MarketEventName } from "./events";

export const DECIMALS = 6;
const SCALE = cashScale(DECIMALS);
export const TRADERS = [
  "0x1111111111111111111111111111111111111111",
  "0x2222222222222222222222222222222222222222",
] as const;

/** Bucket of a position of margin `basis` per unit that is worth nothing at `beta`. */
export function bucketAt(side: bigint, basis: bigint, beta: bigint): bigint {
  let index = 0n;
  while (floorOf(index + 1n) <= basis) index += 1n;
  const width = floorOf(index) >> 4n;
  const id = (side << 24n) | (index << 16n) | (ceilDiv(beta, width) + 32_768n);
  if (betaOf(id) - beta >= width) throw new Error("out of the grid");
  return id;
}

export class Script {
  readonly events: MarketEvent[] = [];
  private block = 0n;
  price = 0n;
  round = 0n;

  constructor(readonly stepBps: bigint) {
    this.next();
    const shares = { fee_vault_share_bps: 0n, penalty_keeper_share_bps: 0n, penalty_insurance_share_bps: 0n };
    const funding = { funding_k_bps: 0n, funding_max_bps: 0n, skew_scale: WAD };
    this.add("ParamsSet", { params: { adl_step_bps: stepBps, adl_fee_bps: 0n, ...shares, ...funding } });
  }

  /** The next transaction. */
  next(): void {
    this.block += 1n;
  }

  add(eventName: MarketEventName, args: unknown): void {
    this.events.push({
      eventName,
      args,
      block: this.block,
      logIndex: this.events.length,
      transaction: `0x${this.block.toString(16).padStart(64, "0")}`,
      time: 1_000n + this.block,
    } as MarketEvent);
  }

  publish(price: bigint): void {
    this.next();
    this.price = price * WAD;
    this.round += 1n;
    this.add("PriceRound", {
      price_round: this.round,
      index_price: this.price,
      published_at: 1_000n + this.block,
      funding_index: 0n,
    });
  }

  join(account: string, bucket: bigint, units: bigint): void {
    this.add("BucketChanged", { bucket, epoch: 0n, units_delta: units, shares_delta: units });
    const signed = bucket >> 24n === 0n ? units : -units;
    this.add("Traded", {
      account,
      bucket,
      units_delta: signed,
      units_after: signed,
      fill_price: this.price,
      margin: 0n,
      paid_out: 0n,
      fee: 3n,
      premium: 0n,
      realised: 0n,
    });
  }

  /** `loss` is given up by all of `units` alike. */
  deleverage(bucket: bigint, forBucket: bigint, step: bigint, units: bigint, left: bigint, claim = 0n): void {
    const paid = floorDiv(units * equityOf(bucket, this.price, 0n), SCALE) - claim;
    this.add("Deleveraged", {
      bucket,
      for_bucket: forBucket,
      epoch: 0n,
      price_round: this.round,
      step,
      index_price: this.price,
      funding_index: 0n,
      score: scoreOf(bucket, this.price, 0n),
      units,
      units_left: left,
      paid_per_unit: 0n,
      loss_per_unit: 0n,
      paid,
      claim,
    });
  }

  liquidate(bucket: bigint, units: bigint, left: bigint, isToVault: boolean, adl = 0n): void {
    this.add("Liquidated", {
      bucket,
      epoch: 0n,
      units,
      units_left: left,
      index_price: this.price,
      fill_price: this.price,
      to_vault: isToVault,
      paid: 0n,
      penalty: 0n,
      loss: adl,
      skin_in_the_game: 0n,
      insurance: 0n,
      adl,
      vault: 0n,
    });
  }
}

export const UNIT = WAD;

/** Two longs in profit, the first ranked higher, and a bankrupt short against which they are closed by halves. */
export function round(): { script: Script; best: bigint; second: bigint; loser: bigint } {
  const script = new Script(BPS / 2n);
  script.publish(100n);
  const best = bucketAt(0n, 2n * WAD, 98n * WAD);
  const second = bucketAt(0n, 20n * WAD, 80n * WAD);
  const loser = bucketAt(1n, 5n * WAD, -105n * WAD);
  script.next();
  script.join(TRADERS[0], best, 4n * UNIT);
  script.next();
  script.join(TRADERS[1], second, 8n * UNIT);
  script.publish(130n);
  script.add("BucketChanged", { bucket: loser, epoch: 0n, units_delta: 10n * UNIT, shares_delta: 10n * UNIT });
  script.deleverage(best, loser, 1n, 2n * UNIT, 2n * UNIT, 40_000_000n);
  script.deleverage(second, loser, 1n, 4n * UNIT, 4n * UNIT, 30_000_000n);
  script.deleverage(best, loser, 2n, 2n * UNIT, 0n);
  script.deleverage(second, loser, 2n, 2n * UNIT, 2n * UNIT);
  script.liquidate(loser, 10n * UNIT, 0n, false, 70_000_000n);
  return { script, best, second, loser };
}
