import { expect, test } from "vitest";
import { withoutOthers, type Capital } from "./capital";

const OWNER = "0x1111111111111111111111111111111111111111";
const OTHER = "0x2222222222222222222222222222222222222222";

const of = (owner: typeof OWNER | typeof OTHER) => ({ block: 7n, mine: { owner } }) as unknown as Capital;

test("while a new answer is awaited, the last one stands for its own account alone", () => {
  expect(withoutOthers(of(OWNER), OWNER)?.mine?.owner).toBe(OWNER);
  expect(withoutOthers(of(OWNER), OTHER)).toEqual({ block: 7n, mine: null });
  expect(withoutOthers(of(OWNER), undefined)).toEqual({ block: 7n, mine: null });
  expect(withoutOthers(undefined, OWNER)).toBeUndefined();
});
