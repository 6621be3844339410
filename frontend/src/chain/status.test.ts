import { afterEach, describe, expect, test, vi } from "vitest";
import { chainStatus } from "./status";

afterEach(() => vi.unstubAllGlobals());

const answering = (answer: () => Promise<Response>) => vi.stubGlobal("fetch", vi.fn<typeof fetch>(answer));

describe("the deployments file", () => {
  test("is missing where the server says so", async () => {
    answering(async () => new Response("{}", { status: 404 }));
    expect(await chainStatus()).toEqual({ kind: "missing" });
  });

  test.each([500, 502, 503, 429, 403])("is not said to be missing for a status of %i", async (status) => {
    answering(async () => new Response("", { status }));
    expect(await chainStatus()).toEqual({ kind: "unread" });
  });

  test("is not said to be missing when nothing answers", async () => {
    answering(() => Promise.reject(new TypeError("Failed to fetch")));
    expect(await chainStatus()).toEqual({ kind: "unread" });
  });

  test("is called wrong where it is", async () => {
    answering(async () => new Response("<html>", { status: 200 }));
    expect(await chainStatus()).toEqual({ kind: "malformed", detail: "it is not JSON" });
  });
});
