// A test wallet that announces itself as wallets do (EIP-6963) and signs through the local chain, where its account is
// unlocked.
const refuse = (code, message) => ({ code, message });
const NEEDS_CONSENT = new Set([
  "eth_requestAccounts",
  "wallet_requestPermissions",
  "eth_sendTransaction",
  "eth_signTypedData_v4",
  "wallet_switchEthereumChain",
  "wallet_addEthereumChain",
]);

export class TestWallet {
  isAllowed = false;
  chainId = null;
  genesis = null;
  /** Says no to whatever needs its owner's consent, or fails with a code and a message. */
  rejects = false;
  fails = null;
  /** Leaves its window open, or has lost it: what needs consent is never answered. */
  isSilent = false;
  hasTypedData = true;
  /** Whether it has heard of the chain it is asked to go to. */
  knowsChain = true;
  asked = [];

  constructor(rpcUrl, account, emit) {
    this.rpcUrl = rpcUrl;
    this.account = account;
    this.emit = emit;
  }

  /** Takes and gives text, as that is what goes in and out of a page. */
  async answer(call) {
    try {
      return JSON.stringify({ result: await this.request(JSON.parse(call)) });
    } catch (error) {
      const { code = -32603, message = String(error), data } = error;
      return JSON.stringify({ error: { code, message, data } });
    }
  }

  async rpc(method, params) {
    const response = await fetch(this.rpcUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const answer = await response.json();
    if (answer.error !== undefined) throw answer.error;
    return answer.result;
  }

  async request({ method, params = [] }) {
    this.asked.push(method);
    if (NEEDS_CONSENT.has(method)) {
      if (this.isSilent) return new Promise(() => {});
      if (this.rejects) throw refuse(4001, "User rejected the request.");
      if (this.fails !== null) throw refuse(this.fails.code, this.fails.message);
    }
    switch (method) {
      case "eth_requestAccounts":
        this.isAllowed = true;
        return [this.account];
      case "eth_accounts":
        return this.isAllowed ? [this.account] : [];
      case "wallet_requestPermissions": {
        this.isAllowed = true;
        const caveats = [{ type: "restrictReturnedAccounts", value: [this.account] }];
        return [{ parentCapability: "eth_accounts", caveats }];
      }
      case "wallet_revokePermissions":
        this.isAllowed = false;
        return null;
      case "eth_chainId":
        return this.chainId ?? this.rpc("eth_chainId", []);
      case "wallet_addEthereumChain":
        if (params[0].chainId !== (await this.rpc("eth_chainId", [])) || !params[0].rpcUrls.includes(this.rpcUrl))
          throw refuse(-32602, "this is not the chain that its node runs");
        this.knowsChain = true;
        this.chainId = params[0].chainId;
        await this.emit("chainChanged", this.chainId);
        return null;
      case "wallet_switchEthereumChain":
        if (!this.knowsChain) throw refuse(4902, "Unrecognized chain ID. Try adding the chain first.");
        this.chainId = params[0].chainId;
        await this.emit("chainChanged", this.chainId);
        return null;
      case "eth_getBlockByNumber": {
        const block = await this.rpc(method, params);
        return this.genesis !== null && params[0] === "0x0" ? { ...block, hash: this.genesis } : block;
      }
      case "eth_signTypedData_v4":
        if (!this.hasTypedData) throw refuse(-32601, "the method eth_signTypedData_v4 does not exist");
        return this.rpc(method, [params[0], typeof params[1] === "string" ? JSON.parse(params[1]) : params[1]]);
      default:
        return this.rpc(method, params);
    }
  }
}

/** Runs in the page: announces a wallet whose answers come from outside of it. */
export function announceWallet() {
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
