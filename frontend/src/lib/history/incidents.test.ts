import { describe, expect, test } from "vitest";
import { DECIMALS, TRADERS, UNIT, round } from "./fixture";
import { incidentsOf } from "./incidents";
import { MarketHistory } from "./market";
import { newestFirst, rowsOf, toCsv } from "./rows";

function played() {
  const made = round();
  const history = new MarketHistory(DECIMALS);
  history.take(made.script.events);
  return { history, ...made };
}

describe("incidentsOf", () => {
  test("tells a deleveraging with its rank, its cause and the share of the shortfall", () => {
    const { history, loser, best } = played();
    const [incident, ...others] = incidentsOf(TRADERS[0], "BTC", history);
    expect(others).toHaveLength(0);
    if (incident?.kind !== "adl") throw new Error("not told");
    expect(incident.isWhole).toBe(true);
    expect(incident.bucket).toBe(best);
    expect(incident.units).toBe(4n * UNIT);
    expect([incident.place, incident.of]).toEqual([1, 4]);
    expect(incident.forBuckets).toEqual([loser]);
    expect([incident.claim, incident.shared, incident.loss]).toEqual([40_000_000n, 70_000_000n, 70_000_000n]);
    expect(history.holdings.held.has(TRADERS[0])).toBe(false);
  });

  test("a part that is left keeps its lots in proportion", () => {
    const { history } = played();
    const [incident] = incidentsOf(TRADERS[1], "BTC", history);
    expect(incident?.isWhole).toBe(false);
    expect(incident?.units).toBe(6n * UNIT);
    expect(history.holdings.held.get(TRADERS[1])?.lots).toEqual([{ block: 4n, units: 2n * UNIT }]);
  });

  test("a liquidation says what the vault took", () => {
    const { history, script, second } = played();
    script.publish(70n);
    script.liquidate(second, 2n * UNIT, 0n, true);
    const further = script.events.filter((event) => event.block > 5n);
    history.take(further);
    const [incident] = incidentsOf(TRADERS[1], "BTC", history);
    if (incident?.kind !== "liquidation") throw new Error("not told");
    expect(incident.toVault).toBe(2n * UNIT);
    expect(incident.isWhole).toBe(true);
    expect(incidentsOf(TRADERS[1], "BTC", history)).toHaveLength(2);
  });

  test("nothing for an account that holds nothing", () => {
    const { history } = played();
    expect(incidentsOf("0x3333333333333333333333333333333333333333", "BTC", history)).toEqual([]);
  });
});

describe("history rows", () => {
  test("newest first, and a CSV in full precision", () => {
    const { history } = played();
    const rows = newestFirst(rowsOf("BTC", history.holdings.story(TRADERS[0])));
    expect(rows.map((row) => row.kind)).toEqual(["deleveraged", "deleveraged", "buy"]);
    const lines = toCsv(rows, DECIMALS).trim().split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^time_utc,block,transaction,market,kind/);
    expect(lines[3]).toMatch(/^1970-01-01T00:16:43\.000Z,3,0x0+3,BTC,buy,4,100,0\.000003,0,0,0,0$/);
  });
});
