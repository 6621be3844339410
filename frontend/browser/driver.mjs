// Drives a headless Chromium for the tests in tests/web: one JSON request a line on stdin, one JSON answer a line on
// stdout. It carries a test wallet that announces itself as wallets do (EIP-6963) and signs through the local chain,
// where the account is unlocked.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

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
const [executablePath, rpcUrl, firstAccount, failurePath] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let account = firstAccount;
const wallet = { isAllowed: false, chainId: null, genesis: null, rejects: false, hasTypedData: true, asked: [] };
const requests = [];
const problems = [];

async function rpc(method, params) {
  const response = await fetch(rpcUrl, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const answer = await response.json();
  if (answer.error !== undefined) throw answer.error;
  return answer.result;
}

const refuse = (code, message) => ({ code, message });
const NEEDS_CONSENT = new Set([
  "eth_requestAccounts",
  "wallet_requestPermissions",
  "eth_sendTransaction",
  "eth_signTypedData_v4",
  "wallet_switchEthereumChain",
]);

async function walletRequest({ method, params = [] }) {
  wallet.asked.push(method);
  if (wallet.rejects && NEEDS_CONSENT.has(method)) throw refuse(4001, "User rejected the request.");
  switch (method) {
    case "eth_requestAccounts":
      wallet.isAllowed = true;
      return [account];
    case "eth_accounts":
      return wallet.isAllowed ? [account] : [];
    case "wallet_requestPermissions":
      wallet.isAllowed = true;
      return [{ parentCapability: "eth_accounts", caveats: [{ type: "restrictReturnedAccounts", value: [account] }] }];
    case "wallet_revokePermissions":
      wallet.isAllowed = false;
      return null;
    case "eth_chainId":
      return wallet.chainId ?? rpc("eth_chainId", []);
    case "wallet_switchEthereumChain":
      wallet.chainId = params[0].chainId;
      await page.evaluate((chainId) => window.plimsollWallet.emit("chainChanged", chainId), wallet.chainId);
      return null;
    case "eth_getBlockByNumber": {
      const block = await rpc(method, params);
      return wallet.genesis !== null && params[0] === "0x0" ? { ...block, hash: wallet.genesis } : block;
    }
    case "eth_signTypedData_v4":
      if (!wallet.hasTypedData) throw refuse(-32601, "the method eth_signTypedData_v4 does not exist");
      return rpc(method, [params[0], typeof params[1] === "string" ? JSON.parse(params[1]) : params[1]]);
    default:
      return rpc(method, params);
  }
}

/** Runs in the page. */
function injectWallet() {
  const listeners = {};
  const provider = {
    async request(call) {
      const answer = await window.plimsollWalletRequest(JSON.stringify(call));
      const { result, error } = JSON.parse(answer);
      if (error !== undefined) throw Object.assign(new Error(error.message), error);
      return result;
    },
    on: (event, listener) => void (listeners[event] ??= new Set()).add(listener),
    removeListener: (event, listener) => void listeners[event]?.delete(listener),
    emit: (event, value) => listeners[event]?.forEach((listener) => listener(value)),
  };
  window.plimsollWallet = provider;
  const info = Object.freeze({
    uuid: "5e1f0c52-5d5c-4a52-9d0c-7a4f6b8f3a11",
    name: "Test Wallet",
    icon: "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><rect width='8' height='8' rx='2' fill='%23346'/></svg>",
    rdns: "org.plimsoll.test",
  });
  const announce = () =>
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
}

const browser = await chromium.launch({ executablePath, args: FLAGS });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
await context.exposeFunction("plimsollWalletRequest", async (call) => {
  try {
    return JSON.stringify({ result: await walletRequest(JSON.parse(call)) });
  } catch (error) {
    return JSON.stringify({
      error: { code: error.code ?? -32603, message: error.message ?? String(error), data: error.data },
    });
  }
});
await context.addInitScript(injectWallet);
const page = await context.newPage();
page.setDefaultTimeout(45_000);
page.on("request", (request) => requests.push(request.url()));
page.on("websocket", (socket) => requests.push(socket.url()));
page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error" || message.type() === "warning") problems.push(`${message.type()}: ${message.text()}`);
});

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

const methods = {
  open: async ({ url }) => void (await page.goto(url)),
  click: async ({ selector }) => void (await page.click(selector)),
  fill: async ({ selector, text }) => void (await page.fill(selector, text)),
  text: ({ selector }) => page.innerText(selector),
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
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
  theme: async ({ theme }) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForTimeout(300);
  },
  /** Sideways scrolling is a fault on a phone. */
  overflow: () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
  wallet: async (changes) => {
    Object.assign(wallet, changes);
    if (changes.chainId !== undefined)
      await page.evaluate((id) => window.plimsollWallet.emit("chainChanged", id), changes.chainId);
  },
  /** The wallet goes over to another of its accounts. */
  switch_account: async ({ to }) => {
    account = to;
    await page.evaluate((next) => window.plimsollWallet.emit("accountsChanged", [next]), to);
  },
  /** Whether the node answers the page. */
  node: ({ answers }) => (answers ? page.unroute(`${rpcUrl}/**`, cut) : page.route(`${rpcUrl}/**`, cut)),
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
  /** What axe finds serious or worse: rule and place. */
  axe: async () => {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.failureSummary}`));
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
