import { describe, expect, test } from "vitest";
import { WAD } from "../fixed";
import { DECIMALS, Script, TRADERS, UNIT, bucketAt, round } from "./fixture";
import { MarketHistory } from "./market";
import { rowsOf, toCsv, type HistoryRow } from "./rows";

const USD = 1_000_000n;
const [OWNER, OTHER] = TRADERS;

const closings = (script: Script, account: string = OWNER): HistoryRow[] => {
  const history = new MarketHistory(DECIMALS);
  history.take(script.events);
  return rowsOf("BTC", history.holdings.story(account)).filter(({ kind }) => /^(liquidated|deleveraged)$/.test(kind));
};

const money = ({ fee, realised, paid, claim }: HistoryRow) => ({ fee, realised, paid, claim });

interface Closing {
  units: bigint;
  left: bigint;
  fill: bigint;
  paid?: bigint;
  penalty?: bigint;
  loss?: bigint;
}

function liquidate(script: Script, bucket: bigint, closing: Closing): void {
  const { units, left, fill, paid = 0n, penalty = 0n, loss = 0n } = closing;
  script.add("Liquidated", {
    bucket,
    epoch: 0n,
    units: units * UNIT,
    units_left: left * UNIT,
    index_price: script.price,
    fill_price: fill * WAD,
    to_vault: true,
    paid,
    penalty,
    loss,
    skin_in_the_game: loss,
    insurance: 0n,
    adl: 0n,
    vault: 0n,
  });
}

/** A long of OWNER, in a bucket that is worth nothing at 80, entered at 100. */
function long(): { script: Script; bucket: bigint } {
  const script = new Script(5_000n);
  script.publish(100n);
  const bucket = bucketAt(0n, 20n * WAD, 80n * WAD);
  script.join(OWNER, bucket, 4n * UNIT);
  return { script, bucket };
}

function trade(script: Script, account: string, bucket: bigint, unitsDelta: bigint, unitsAfter: bigint): void {
  script.add("Traded", {
    account,
    bucket,
    units_delta: unitsDelta * UNIT,
    units_after: unitsAfter * UNIT,
    fill_price: script.price,
    margin: 0n,
    paid_out: 0n,
    fee: 0n,
    premium: 0n,
    realised: 0n,
  });
}

describe("what a closing realised", () => {
  test("a deleveraging: the profit at the index price less what was given up", () => {
    const { script } = round();
    expect(closings(script).map(({ realised, claim }) => [realised, claim])).toEqual([
      [20n * USD, 40n * USD],
      [60n * USD, 0n],
    ]);
    expect(closings(script, OTHER).map(({ realised }) => realised)).toEqual([90n * USD, 60n * USD]);
  });

  test("a deleveraging: the fee is what is missing of the equity", () => {
    const { script, bucket } = long();
    script.publish(130n);
    script.deleverage(bucket, 0n, 1n, 2n * UNIT, 2n * UNIT);
    const event = script.events.at(-1);
    if (event?.eventName !== "Deleveraged") throw new Error("not told");
    event.args.paid -= 3n;
    expect(closings(script).map(money)).toEqual([
      { fee: 3n, realised: 60n * USD - 3n, paid: event.args.paid, claim: 0n },
    ]);
  });

  test("a liquidation that leaves something: the price and the penalty", () => {
    const { script, bucket } = long();
    script.publish(82n);
    liquidate(script, bucket, { units: 1n, left: 3n, fill: 81n, paid: USD / 4n, penalty: (USD * 3n) / 4n });
    expect(closings(script).map(money)).toEqual([
      { fee: 750_000n, realised: -19_750_000n, paid: 250_000n, claim: 0n },
    ]);
  });

  test("a bankruptcy: nobody loses more than the margin, others bear the rest", () => {
    const { script, bucket } = long();
    script.publish(70n);
    liquidate(script, bucket, { units: 4n, left: 0n, fill: 70n, loss: 40n * USD });
    expect(closings(script).map(money)).toEqual([{ fee: 0n, realised: -80n * USD, paid: 0n, claim: 0n }]);
  });

  test("a short loses what the price rises", () => {
    const script = new Script(5_000n);
    script.publish(100n);
    const bucket = bucketAt(1n, 20n * WAD, -120n * WAD);
    script.join(OWNER, bucket, 2n * UNIT);
    script.publish(119n);
    liquidate(script, bucket, { units: 2n, left: 0n, fill: 119n, penalty: 2n * USD });
    // The market keeps the entry price in 45 bits: here a little below 100, rounded against the owner.
    expect(closings(script).map(money)).toEqual([{ fee: 2n * USD, realised: -40n * USD - 1n, paid: 0n, claim: 0n }]);
  });

  test("of two owners each has its part, from its own entry price", () => {
    const { script, bucket } = long();
    script.publish(90n);
    script.join(OTHER, bucket, 12n * UNIT);
    script.publish(82n);
    liquidate(script, bucket, { units: 8n, left: 8n, fill: 82n, paid: 12n * USD, penalty: 4n * USD });
    expect(closings(script).map(money)).toEqual([{ fee: USD, realised: -37n * USD, paid: 3n * USD, claim: 0n }]);
    expect(closings(script, OTHER).map(money)).toEqual([
      { fee: 3n * USD, realised: -51n * USD, paid: 9n * USD, claim: 0n },
    ]);
  });
});

describe("the entry price behind it", () => {
  test("is the mean after more is bought, and stays when some is sold", () => {
    const { script, bucket } = long();
    script.publish(104n);
    script.add("BucketChanged", { bucket, epoch: 0n, units_delta: -4n * UNIT, shares_delta: -4n * UNIT });
    script.add("BucketChanged", { bucket, epoch: 0n, units_delta: 16n * UNIT, shares_delta: 16n * UNIT });
    trade(script, OWNER, bucket, 12n, 16n);
    script.publish(200n);
    script.add("BucketChanged", { bucket, epoch: 0n, units_delta: -15n * UNIT, shares_delta: -15n * UNIT });
    trade(script, OWNER, bucket, -15n, 1n);
    script.publish(81n);
    liquidate(script, bucket, { units: 1n, left: 0n, fill: 81n });
    // (4 * 100 + 12 * 104) / 16 = 103
    expect(closings(script)[0]?.realised).toBe(-22n * USD);
  });

  test("begins anew when the position turns around", () => {
    const { script, bucket } = long();
    script.publish(110n);
    const other = bucketAt(1n, 20n * WAD, -130n * WAD);
    script.add("BucketChanged", { bucket, epoch: 0n, units_delta: -4n * UNIT, shares_delta: -4n * UNIT });
    script.add("BucketChanged", { bucket: other, epoch: 0n, units_delta: 2n * UNIT, shares_delta: 2n * UNIT });
    trade(script, OWNER, other, -6n, -2n);
    script.publish(129n);
    liquidate(script, other, { units: 2n, left: 0n, fill: 129n });
    expect(closings(script)[0]?.realised).toBe(-38n * USD - 1n);
  });

  test("where no trade told it, the cell is blank, not zero", () => {
    const script = new Script(5_000n);
    script.publish(100n);
    const bucket = bucketAt(0n, 20n * WAD, 80n * WAD);
    script.add("BucketChanged", { bucket, epoch: 0n, units_delta: UNIT, shares_delta: UNIT });
    script.add("MarginChanged", { account: OWNER, bucket, margin_delta: 5n, units: UNIT });
    script.publish(81n);
    liquidate(script, bucket, { units: 1n, left: 0n, fill: 81n, paid: USD });
    const rows = closings(script);
    expect(rows[0]?.realised).toBeNull();
    expect(toCsv(rows, DECIMALS).split("\r\n")[1]).toMatch(/,liquidated,1,81,0,,0,1,0$/);
  });
});
