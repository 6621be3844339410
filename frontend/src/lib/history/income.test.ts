import { expect, test } from "vitest";
import type { MarketEvent } from "./events";
import { IncomeBook } from "./income";

const PLACE = { block: 1n, logIndex: 0, transaction: "0x", time: 1n } as const;
const event = (eventName: string, args: unknown) => ({ ...PLACE, eventName, args }) as MarketEvent;

test("the vault's shares of fees and penalties, premiums, and what it bore as last resort", () => {
  const book = new IncomeBook();
  const params = { fee_vault_share_bps: 6_000n, penalty_keeper_share_bps: 2_000n, penalty_insurance_share_bps: 5_000n };
  book.take(event("ParamsSet", { params }));
  book.take(event("Traded", { fee: 1_000n, premium: 70n }));
  book.take(event("Traded", { fee: 5n, premium: -20n }));
  book.take(event("Liquidated", { penalty: 100n, vault: 7n }));
  book.take(event("Collected", {}));
  expect(book.sums).toEqual({ fees: 603n, premium: 50n, penalties: 30n, lastResort: -7n });
});
