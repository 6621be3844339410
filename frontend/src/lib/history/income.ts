/** What the vault earned in a market, by source, from the market's events. Cash. */
import { BPS } from "../fixed";
import type { MarketEvent } from "./events";

export interface Income {
  fees: bigint;
  /** Paid by those who unbalanced the market, less what those got who brought it back. */
  premium: bigint;
  penalties: bigint;
  /** Losses that nobody else was left to bear: below zero. */
  lastResort: bigint;
}

export class IncomeBook {
  readonly sums: Income = { fees: 0n, premium: 0n, penalties: 0n, lastResort: 0n };
  private feeBps = 0n;
  private penaltyBps = 0n;

  take(event: MarketEvent): void {
    if (event.eventName === "ParamsSet") {
      const { fee_vault_share_bps, penalty_keeper_share_bps, penalty_insurance_share_bps } = event.args.params;
      this.feeBps = fee_vault_share_bps;
      this.penaltyBps = BPS - penalty_keeper_share_bps - penalty_insurance_share_bps;
    } else if (event.eventName === "Traded") {
      this.sums.fees += (event.args.fee * this.feeBps) / BPS;
      this.sums.premium += event.args.premium;
    } else if (event.eventName === "Liquidated") {
      this.sums.penalties += (event.args.penalty * this.penaltyBps) / BPS;
      this.sums.lastResort -= event.args.vault;
    }
  }
}
