// Drives a headless Chromium for the tests in tests/web: one JSON request a line on stdin, one JSON answer a line on
// stdout. It carries a test wallet.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { TestWallet, announceWallet } from "./wallet.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const [executablePath, rpcUrl, account, failurePath] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const requests = [];
const logRanges = [];
const problems = [];

const browser = await chromium.launch({ executablePath, args: FLAGS });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
const emit = (event, value) => page.evaluate(([name, of]) => window.plimsollWallet.emit(name, of), [event, value]);
const wallet = new TestWallet(rpcUrl, account, emit);
await context.exposeFunction("plimsollWalletRequest", (call) => wallet.answer(call));
await context.addInitScript(announceWallet);
const page = await context.newPage();
page.setDefaultTimeout(45_000);
page.on("request", (request) => {
  requests.push(request.url());
  if (request.url().startsWith(rpcUrl)) logRanges.push(...rangesOf(request.postDataJSON()));
});
page.on("websocket", (socket) => requests.push(socket.url()));
page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error" || message.type() === "warning") problems.push(`${message.type()}: ${message.text()}`);
});

/** What logs are asked for, as the page names it, and from which block on. */
function rangesOf(body) {
  const calls = Array.isArray(body) ? body : [body];
  return calls
    .filter((call) => call?.method === "eth_getLogs")
    .map(({ params }) => {
      const { fromBlock, toBlock: _toBlock, ...filter } = params[0];
      return [JSON.stringify(filter), Number.parseInt(fromBlock, 16)];
    });
}

/** Adds `by` to one word of the first log with this topic, as a node that lies would. */
function tamper(answers, { topic, word, by }) {
  for (const { result } of answers) {
    if (!Array.isArray(result)) continue;
    const log = result.find((each) => each.topics?.[0] === topic);
    if (log === undefined) continue;
    const at = 2 + 64 * word;
    const value = BigInt(`0x${log.data.slice(at, at + 64)}`) + BigInt(by);
    log.data = log.data.slice(0, at) + value.toString(16).padStart(64, "0") + log.data.slice(at + 64);
    return true;
  }
  return false;
}

/** From now on the node's answers pass through `change`, until it says that it is done. */
async function change_answers(change) {
  let isDone = false;
  await page.route(`${rpcUrl}/**`, async (route) => {
    if (isDone) return route.fallback();
    const response = await route.fetch();
    const json = await response.json();
    isDone = change(Array.isArray(json) ? json : [json]);
    await route.fulfill({ response, json });
  });
}

const cut = (route) => route.abort("connectionrefused");

const cutCalls = (route) => (route.request().postData()?.includes("eth_call") ? cut(route) : route.fallback());

const methods = {
  open: async ({ url }) => void (await page.goto(url)),
  click: async ({ selector }) => void (await page.click(selector)),
  /** One after the other, also those that come up when another has gone. */
  click_all: async ({ selector }) => {
    while ((await page.locator(selector).count()) > 0) await page.locator(selector).first().click();
  },
  /** Name and text of the file that a click saves. */
  download: async ({ selector }) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
    return [file.suggestedFilename(), readFileSync(await file.path(), "utf8")];
  },
  fill: async ({ selector, text }) => void (await page.fill(selector, text)),
  text: ({ selector }) => page.innerText(selector),
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
  count: ({ selector }) => page.locator(selector).count(),
  attribute: ({ selector, name }) => page.getAttribute(selector, name),
  is_enabled: ({ selector }) => page.isEnabled(selector),
  wait: async ({ selector, state, seconds }) =>
    void (await page.waitForSelector(selector, { state, timeout: seconds * 1000 })),
  wait_text: async ({ selector, pattern, seconds }) => {
    const locator = page
      .locator(selector)
      .filter({ hasText: new RegExp(pattern) })
      .first();
    await locator.waitFor({ timeout: seconds * 1000 });
    return locator.innerText();
  },
  screenshot: async ({ path, width, height, theme, whole }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForTimeout(700);
    await page.screenshot({ path, fullPage: whole });
  },
  /** The window from now on. Colours that fade into each other would be measured half way. */
  view: async ({ width, height, theme }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
  },
  /** Sideways scrolling is a fault on a phone. */
  overflow: () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
  wallet: async (changes) => {
    Object.assign(wallet, changes);
    if (changes.chainId !== undefined) await emit("chainChanged", changes.chainId);
  },
  /** The wallet goes over to another of its accounts. */
  switch_account: async ({ to }) => {
    wallet.account = to;
    await emit("accountsChanged", [to]);
  },
  /** Whether a part of the page with `name` in its address loads. */
  part: ({ name, loads }) => (loads ? page.unroute(`**/*${name}*`, cut) : page.route(`**/*${name}*`, cut)),
  /** Whether the node answers the page. */
  node: ({ answers }) => (answers ? page.unroute(`${rpcUrl}/**`, cut) : page.route(`${rpcUrl}/**`, cut)),
  /** Whether the node answers what contracts are asked, too. */
  calls: ({ answers }) => (answers ? page.unroute(`${rpcUrl}/**`, cutCalls) : page.route(`${rpcUrl}/**`, cutCalls)),
  /** Whether the node's first block is another one, as after a start from nothing. */
  restarted: async ({ is_restarted }) => {
    await page.unroute(`${rpcUrl}/**`);
    if (!is_restarted) return;
    await change_answers((answers) => {
      for (const { result } of answers) if (result?.number === "0x0") result.hash = `0x${"11".repeat(32)}`;
      return false;
    });
  },
  tamper: (what) => change_answers((answers) => tamper(answers, what)),
  /** Puts `logs` behind those of the node, in the first answer that has any with the topic. */
  add_logs: ({ topic, logs }) =>
    change_answers((answers) => {
      const found = answers.find(
        ({ result }) => Array.isArray(result) && result.some((log) => log.topics?.[0] === topic),
      );
      found?.result.push(...logs);
      return found !== undefined;
    }),
  /** What axe finds, however slight: weight, rule, place and why. */
  axe: async () => {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ target, any, all, none }) => {
        const why = [...any, ...all, ...none].map(({ message }) => message).join("; ");
        return `${impact}, ${id}: ${target.join(" ")}: ${why}`;
      }),
    );
  },
  /** Milliseconds from each of `count` movements of the pointer over `selector` to the next painted frame. */
  pointer_times: ({ selector, count }) =>
    page.evaluate(
      async ([name, times]) => {
        const target = document.querySelector(name);
        const box = target.getBoundingClientRect();
        const found = [];
        for (let i = 0; i < times; i += 1) {
          await new Promise((done) => requestAnimationFrame(done));
          const start = performance.now();
          const at = {
            clientX: box.left + (box.width * i) / times,
            clientY: box.top + (box.height * ((i * 7) % times)) / times,
          };
          target.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, ...at }));
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          found.push(performance.now() - start);
        }
        return found;
      },
      [selector, count],
    ),
  press: async ({ key }) => void (await page.keyboard.press(key)),
  focused: () =>
    page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? document.activeElement?.tagName),
  /** Moves the focus on with the key Tab until it is on `selector`. */
  tab_to: async ({ selector, most }) => {
    for (let i = 0; i < most; i += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    }
    throw new Error(`${most} times Tab and ${selector} has not had the focus`);
  },
  /** Escape in a dialog, a click on what has the focus then before the browser does anything else, and all it does. */
  escape_and_click: () =>
    page.evaluate(async () => {
      document.querySelector("dialog").requestClose();
      await Promise.resolve();
      document.activeElement.click();
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }),
  type: async ({ text }) => void (await page.keyboard.type(text)),
  /** What a screen reader is told: name and description of what has this role and name. */
  aria: ({ selector }) => page.locator(selector).first().ariaSnapshot(),
  /** Names of what the page keeps. */
  kept_names: ({ name }) =>
    page.evaluate(
      (database) =>
        new Promise((done) => {
          const opening = indexedDB.open(database);
          // It is for the page to make one.
          opening.addEventListener("upgradeneeded", () => opening.transaction.abort());
          opening.addEventListener("error", () => done([]));
          opening.addEventListener("success", () => {
            const [found] = opening.result.objectStoreNames;
            const keys = opening.result.transaction(found).objectStore(found).getAllKeys();
            keys.addEventListener("success", () => {
              opening.result.close();
              done(keys.result.map(([, of]) => of));
            });
          });
        }),
      name,
    ),
  /** What the page keeps is overwritten with nonsense, or gets the version of a page to come. */
  spoil_store: ({ name, version }) =>
    page.evaluate(
      ([database, to]) =>
        new Promise((done, fail) => {
          const opening = indexedDB.open(database, to);
          opening.addEventListener("error", () => fail(opening.error));
          opening.addEventListener("success", () => {
            const [found] = opening.result.objectStoreNames;
            const chunks = opening.result.transaction(found, "readwrite").objectStore(found);
            const keys = chunks.getAllKeys();
            keys.addEventListener("success", () => {
              for (const key of keys.result) chunks.put({ logs: "nonsense" }, key);
              chunks.transaction.addEventListener("complete", () => {
                opening.result.close();
                done(keys.result.length);
              });
            });
          });
        }),
      [name, version],
    ),
  /** As in a private window that has no IndexedDB. */
  forbid_store: () =>
    page.addInitScript(() => {
      Object.defineProperty(window, "indexedDB", {
        get() {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    }),
  log_ranges: () => logRanges.splice(0),
  asked: () => wallet.asked.splice(0),
  requests: () => requests,
  problems: () => problems,
  forget_problems: () => void problems.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await methods[method](args)) ?? null };
  } catch (error) {
    answer = { error: error.message };
    await page.screenshot({ path: failurePath }).catch(() => {});
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
