import { describe, expect, test } from "vitest";
import { WAD } from "./fixed";
import { betaOf, bucketFor, ceilOf, classOf, equityOf, floorOf } from "./grid";
import { bucketAfterMargin, paidPerUnit, placeOf, unitsUntilReached, vaultRoom } from "./rank";

const DECIMALS = 6;
const at = { price: 130n * WAD, funding: 0n };
const bucket = (basis: bigint, beta: bigint): bigint => bucketFor(0n, basis * WAD, beta * WAD) ?? -1n;
const best = bucket(2n, 98n);
const middle = bucket(20n, 80n);
const idle = bucket(50n, 90n);
const buckets = [
  { id: best, units: 4n * WAD },
  { id: middle, units: 8n * WAD },
  { id: idle, units: 90n * WAD },
];
const mine = { bucket: middle, units: 3n * WAD };

test("bucketFor is the class whose floor is at or below the margin, and the first tick at or above beta", () => {
  const floor = floorOf(classOf(middle));
  expect(floor <= 20n * WAD && ceilOf(middle) > 20n * WAD).toBe(true);
  expect(betaOf(middle) >= 80n * WAD && betaOf(middle) - 80n * WAD < floor / 16n).toBe(true);
  expect(bucketFor(0n, 0n, 0n)).toBeNull();
  expect(bucketFor(0n, WAD, 10n ** 30n)).toBeNull();
});

describe("placeOf", () => {
  test("where the position stands: buckets of better score are ahead, those without profit do not count", () => {
    const place = placeOf(buckets, mine, mine, at);
    expect(place).toMatchObject({ isEligible: true, unitsAhead: 4n * WAD, unitsEligible: 12n * WAD, lights: 4 });
  });

  test("a smaller position stays where it is in a shorter queue", () => {
    const place = placeOf(buckets, mine, { ...mine, units: WAD }, at);
    expect(place).toMatchObject({ unitsAhead: 4n * WAD, unitsEligible: 10n * WAD });
  });

  test("out of profit beyond the margin: not in the queue", () => {
    expect(placeOf(buckets, mine, { ...mine, bucket: idle }, at)).toMatchObject({
      isEligible: false,
      lights: 0,
      score: 0n,
    });
  });

  test("the other side does not count", () => {
    const short = (1n << 24n) | (best & 0xffffffn);
    expect(placeOf([...buckets, { id: short, units: 99n * WAD }], mine, mine, at).unitsEligible).toBe(12n * WAD);
  });
});

describe("bucketAfterMargin", () => {
  const held = { ...mine, basis: 20n * WAD };

  test("more margin: a lower beta, a higher class, a lower score", () => {
    const after = bucketAfterMargin(held, 90_000_000n, at, DECIMALS) ?? -1n;
    expect(betaOf(after)).toBeLessThan(betaOf(middle));
    expect(classOf(after)).toBeGreaterThan(classOf(middle));
    const place = placeOf(buckets, mine, { bucket: after, units: mine.units }, at);
    expect(place.score).toBeLessThan(placeOf(buckets, mine, mine, at).score);
  });

  test("less: profit first, the class stays", () => {
    const after = bucketAfterMargin(held, -30_000_000n, at, DECIMALS) ?? -1n;
    expect(classOf(after)).toBe(classOf(middle));
    expect(betaOf(after)).toBeGreaterThan(betaOf(middle));
  });

  test("more than it is worth: none", () => {
    expect(bucketAfterMargin(held, -1_000_000_000n, at, DECIMALS)).toBeNull();
  });
});

test("paidPerUnit takes profit only", () => {
  const equity = equityOf(middle, at.price, at.funding);
  expect(paidPerUnit(middle, 0n, at)).toBe(equity);
  expect(paidPerUnit(middle, WAD, at)).toBe(equity - WAD);
  expect(paidPerUnit(middle, 1_000n * WAD, at)).toBe(ceilOf(middle));
});

test("distance: a step of all ahead, after the vault's room on that side", () => {
  expect(unitsUntilReached(4n * WAD, 5_000n)).toBe(2n * WAD);
  expect(vaultRoom(0n, 2n * WAD, 1_300_000_000n, 130n * WAD, DECIMALS)).toBe(8n * WAD);
  expect(vaultRoom(1n, 2n * WAD, 1_300_000_000n, 130n * WAD, DECIMALS)).toBe(12n * WAD);
  expect(vaultRoom(0n, 20n * WAD, 1_300_000_000n, 130n * WAD, DECIMALS)).toBe(0n);
});
