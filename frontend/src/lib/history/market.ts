/** All that a market's events tell, kept up to date as they come. */
import type { PricePoint } from "../candles";
import { Buckets } from "./buckets";
import type { MarketEvent } from "./events";
import { IncomeBook } from "./income";
import { Holdings } from "./holdings";
import { Rounds, type Given, type Liquidation } from "./rounds";

/** Losses beyond margin by who paid. Cash. */
export interface Waterfall {
  loss: bigint;
  skin: bigint;
  insurance: bigint;
  adl: bigint;
  vault: bigint;
}

export interface FeedItem {
  event: Given | Liquidation;
  /** Positions in the bucket when it happened. */
  owners: number;
  round: bigint;
}

export class MarketHistory {
  readonly buckets = new Buckets();
  readonly holdings: Holdings;
  readonly rounds: Rounds;
  readonly income: IncomeBook;
  readonly feed: FeedItem[] = [];
  readonly prices: PricePoint[] = [];
  readonly waterfall: Waterfall = { loss: 0n, skin: 0n, insurance: 0n, adl: 0n, vault: 0n };

  constructor(decimals: number) {
    this.holdings = new Holdings(decimals);
    this.rounds = new Rounds(decimals);
    this.income = new IncomeBook(decimals);
  }

  /** In the order of the chain, each once. */
  take(events: readonly MarketEvent[]): void {
    for (const event of events) {
      if (event.eventName === "PriceRound")
        this.prices.push({ price: event.args.index_price, publishedAt: event.args.published_at });
      if (event.eventName === "Liquidated" || event.eventName === "Deleveraged") this.tell(event);
      this.income.take(event);
      this.rounds.take(event, this.buckets);
      this.holdings.take(event, this.buckets);
      this.buckets.take(event);
    }
    this.rounds.finish();
  }

  private tell(event: Given | Liquidation): void {
    const owners = this.holdings.owners(event.args.bucket, event.args.epoch);
    this.feed.push({ event, owners, round: this.buckets.round });
    if (event.eventName !== "Liquidated") return;
    const sums = this.waterfall;
    sums.loss += event.args.loss;
    sums.skin += event.args.skin_in_the_game;
    sums.insurance += event.args.insurance;
    sums.adl += event.args.adl;
    sums.vault += event.args.vault;
  }
}
