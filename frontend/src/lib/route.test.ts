import { expect, test } from "vitest";
import { formatRoute, parseRoute, nameOf, type Route } from "./route";

test.each<[string, Route]>([
  ["#/trade", { page: "trade", symbol: null }],
  ["#/trade/BTC", { page: "trade", symbol: "BTC" }],
  ["#/vault", { page: "vault" }],
  ["#/risk", { page: "risk" }],
  ["#/risk/ETH/12", { page: "round", symbol: "ETH", round: 12n }],
  ["#/portfolio", { page: "portfolio" }],
])("%s there and back", (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
  expect(formatRoute(route)).toBe(hash);
});

test.each(["", "#", "#/", "#/nowhere"])("%j is the trading page", (hash) => {
  expect(parseRoute(hash)).toMatchObject({ page: "trade" });
});

test.each(["#/trade/%", "#/%", "#/trade/%E0%A4%A/1", "#/nowhere/%"])("%j, which nothing decodes, is it too", (hash) => {
  expect(parseRoute(hash)).toEqual({ page: "trade", symbol: null });
});

test("a round that is no number is the risk page", () => {
  expect(parseRoute("#/risk/ETH/x1")).toEqual({ page: "risk" });
});

test.each([
  ["#/trade/BTC", "Trade BTC"],
  ["#/trade", "Trade"],
  ["#/vault", "Vault and insurance"],
  ["#/risk/ETH/12", "ADL round ETH #12"],
])("%s is called %j", (hash, title) => {
  expect(nameOf(parseRoute(hash))).toBe(title);
});
