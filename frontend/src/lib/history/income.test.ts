import { describe, expect, test } from "vitest";
import { DECIMALS, Script, UNIT, TRADERS, bucketAt } from "./fixture";
import type { MarketEvent } from "./events";
import { WAD, cashScale } from "../fixed";
import { IncomeBook, SOURCES } from "./income";
import cases from "./income_cases.json";

const PLACE = { block: 1n, logIndex: 0, transaction: "0x" } as const;

/** Texts of whole numbers to bigints, however deep. */
function revived(value: unknown): unknown {
  if (typeof value === "string") return BigInt(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, revived(part)]));
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

// Written by `python -m tests.invariants.income_cases`: what plimsoll.accounting tells of the same events.
describe.each(cases)("scenario $seed", ({ events, now, sources }) => {
  const book = new IncomeBook(6);
  for (const [eventName, time, args] of events)
    book.take({ ...PLACE, time: BigInt(time as string), eventName, args: revived(args) } as MarketEvent);
  const at = revived(now) as Parameters<IncomeBook["earned"]>[0];

  test("every source is that of the accounting, to the last digit", () => {
    const earned = book.earned(at);
    const told = Object.fromEntries(SOURCES.map((source) => [snake(source), earned[source].toString()]));
    expect(told).toEqual(sources);
  });

  test("asking changes nothing", () => {
    const before = book.earned(at);
    book.earned({ ...at, price: at.price * 2n });
    expect(book.earned(at)).toEqual(before);
  });
});

test("the price and the funding since the last event are those of the position that the vault holds", () => {
  const script = new Script(10_000n);
  script.publish(100n);
  script.join(TRADERS[0], bucketAt(0n, 2n * WAD, 98n * WAD), 4n * UNIT);
  const book = new IncomeBook(DECIMALS);
  for (const event of script.events) book.take(event);
  const still = book.earned({ price: script.price, fundingIndex: 0n, toppedUp: 0n });
  expect(still.price).toBe(0n);
  // Four units long: the vault is short four.
  const later = book.earned({ price: script.price + 10n * WAD, fundingIndex: WAD, toppedUp: 0n });
  expect(later.price).toBe((-40n * WAD * WAD) / cashScale(DECIMALS));
  expect(later.funding).toBe((4n * WAD * WAD) / cashScale(DECIMALS));
});
