import { describe, expect, test } from "vitest";
import { ceilOf, scoreOf } from "../grid";
import { DECIMALS, round, UNIT } from "./fixture";
import type { MarketEvent } from "./events";
import { MarketHistory } from "./market";
import type { Violation } from "./rounds";

/** The verdict of the last round after `tamper` has changed the events. */
function verdict(tamper: (events: MarketEvent[]) => void = () => {}): Violation | undefined {
  const { script } = round();
  const events = structuredClone(script.events);
  tamper(events);
  const history = new MarketHistory(DECIMALS);
  history.take(events);
  return history.rounds.all.at(-1)?.violation;
}

const nth = (events: MarketEvent[], index: number) => {
  const found = events.filter((event) => event.eventName === "Deleveraged")[index];
  if (found === undefined) throw new Error("no such closing");
  return found;
};

describe("a round checked from events alone", () => {
  test("holds as the contracts made it", () => {
    const { script, best, second } = round();
    expect(scoreOf(best, script.price, 0n)).toBeGreaterThan(scoreOf(second, script.price, 0n));
    const history = new MarketHistory(DECIMALS);
    history.take(script.events);
    expect(history.rounds.all).toHaveLength(1);
    const found = history.rounds.all[0];
    expect(found?.violation).toBeUndefined();
    expect(found?.given).toHaveLength(4);
    expect(found?.closed).toHaveLength(1);
    expect(history.waterfall.adl).toBe(70_000_000n);
    expect(history.buckets.live.get(second)?.units).toBe(2n * UNIT);
    expect(history.buckets.live.has(best)).toBe(false);
  });

  test("gives the same when events come in pieces", () => {
    const { script } = round();
    const history = new MarketHistory(DECIMALS);
    const cut = script.events.findIndex((event) => event.block === 4n);
    history.take(script.events.slice(0, cut));
    history.take(script.events.slice(cut));
    expect(history.rounds.all[0]?.violation).toBeUndefined();
  });

  test("the first two swapped: a better score was passed over", () => {
    const found = verdict((events) => {
      const index = events.findIndex((event) => event.eventName === "Deleveraged");
      const [first] = events.splice(index, 1);
      if (first !== undefined) events.splice(index + 1, 0, first);
    });
    expect(found?.rule).toBe("order");
    expect(found?.text).toContain("better score");
  });

  test("a second step before everybody has given the first", () => {
    const found = verdict((events) => {
      const second = events.indexOf(nth(events, 1));
      events.splice(second, 1);
    });
    expect(found?.rule).toBe("order");
  });

  test.each([
    ["score", (args: { score: bigint }) => (args.score += 1n)],
    ["price", (args: { index_price: bigint }) => (args.index_price += 1n)],
    ["money", (args: { paid: bigint }) => (args.paid -= 1n)],
    ["units", (args: { units_left: bigint }) => (args.units_left += 1n)],
    ["units", (args: { epoch: bigint }) => (args.epoch += 1n)],
  ] as const)("a changed %s is the first violation", (rule, change) => {
    const found = verdict((events) => change(nth(events, 2).args as never));
    expect(found?.rule).toBe(rule);
    expect(found?.event.eventName === "Deleveraged" && found.event.args.step).toBe(2n);
  });

  test("more than a step at once", () => {
    const found = verdict((events) => {
      const event = nth(events, 0);
      const equity = (event.args.paid + event.args.claim) / 2n;
      event.args.units = 4n * UNIT;
      event.args.units_left = 0n;
      event.args.paid = 4n * equity - event.args.claim;
    });
    expect(found?.rule).toBe("step");
  });

  test("more given up than the profit", () => {
    const { script, second } = round();
    const found = verdict((events) => {
      const { args } = nth(events, 1);
      const equity = args.paid + args.claim;
      const principal = (args.units * ceilOf(second)) / 10n ** 30n;
      args.claim = equity - principal + 2n;
      args.paid = equity - args.claim;
    });
    expect(script.events.length).toBeGreaterThan(0);
    expect(found?.rule).toBe("money");
  });

  test("less given than was closed for the loser", () => {
    const found = verdict((events) => {
      const last = events.at(-1);
      if (last?.eventName === "Liquidated") last.args.units += 1n;
    });
    expect(found?.rule).toBe("exact");
  });
});
