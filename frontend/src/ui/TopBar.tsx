import { useState } from "react";
import { usePlimsoll } from "../chain/context";
import type { Account } from "../chain/reads";
import { useAction } from "../chain/transactions";
import { useConnect, useDisconnect, useWallet, useWallets } from "../chain/wallet";
import { askFaucet } from "../chain/actions";
import { explain } from "../chain/errors";
import { formatCash } from "../lib/fixed";
import { formatRoute, type Route } from "../lib/route";
import { shortAddress } from "../lib/words";
import { Dialog } from "./Dialog";
import { setTheme, useTheme } from "./hooks";
import { Logo } from "./Logo";

function ThemeButton() {
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      className="ghost icon"
      aria-label={`Switch to the ${other} theme`}
      title={`Switch to the ${other} theme`}
      onClick={() => setTheme(other)}
    >
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" strokeWidth="1.6" />
        <path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor" />
      </svg>
    </button>
  );
}

/** The button that opened the dialog goes with it; the one that comes in its place takes over the focus. */
const focusAccount = () => requestAnimationFrame(() => document.getElementById("account")?.focus());

function WalletDialog({ onClose }: { onClose: () => void }) {
  const wallets = useWallets();
  const connect = useConnect({ mutation: { onSuccess: focusAccount } });
  return (
    <Dialog title="Connect a wallet" onClose={onClose}>
      {wallets.length === 0 && (
        <p className="muted">
          No wallet was found in this browser. Install one that injects itself (EIP-6963), then reload this page.
        </p>
      )}
      <div className="wallets">
        {wallets.map((connector) => (
          <button
            key={connector.uid}
            type="button"
            className="wallet"
            data-testid={`wallet-${connector.id}`}
            disabled={connect.isPending}
            onClick={() => connect.mutate({ connector }, { onSuccess: onClose })}
          >
            {connector.icon !== undefined && connector.icon.startsWith("data:") ? (
              <img src={connector.icon} alt="" width={28} height={28} />
            ) : (
              <span className="wallet-letter" aria-hidden="true">
                {connector.name.slice(0, 1)}
              </span>
            )}
            {connector.name}
          </button>
        ))}
      </div>
      {connect.isPending && (
        <p className="muted" role="status">
          Confirm in your wallet.
        </p>
      )}
      {connect.error !== null && (
        <p className="bad" role="alert" data-testid="connect-problem">
          {explain(connect.error)}
        </p>
      )}
    </Dialog>
  );
}

export function ConnectButton({ className = "primary" }: { className?: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const { isBusy } = useWallet();
  return (
    <>
      <button
        type="button"
        className={className}
        data-testid="connect"
        disabled={isBusy}
        onClick={() => setIsOpen(true)}
      >
        {isBusy ? "Connecting" : "Connect wallet"}
      </button>
      {isOpen && <WalletDialog onClose={() => setIsOpen(false)} />}
    </>
  );
}

const PAGES = [
  { page: "trade", text: "Trade", route: { page: "trade", symbol: null } },
  { page: "vault", text: "Vault", route: { page: "vault" } },
  { page: "risk", text: "Risk", route: { page: "risk" } },
  { page: "portfolio", text: "Portfolio", route: { page: "portfolio" } },
] as const;

function Pages({ page }: { page: Route["page"] }) {
  const open = page === "round" ? "risk" : page;
  return (
    <nav className="pages" aria-label="Pages">
      {PAGES.map((entry) => (
        <a
          key={entry.page}
          href={formatRoute(entry.route)}
          aria-current={entry.page === open ? "page" : undefined}
          data-testid={`page-${entry.page}`}
        >
          {entry.text}
        </a>
      ))}
    </nav>
  );
}

interface Props {
  account: Account | undefined;
  page: Route["page"];
  /** Sends the focus to the page itself. */
  onSkip: () => void;
}

export function TopBar({ account, page, onSkip }: Props) {
  const { deployment } = usePlimsoll();
  const wallet = useWallet();
  const disconnect = useDisconnect();
  const { run, isBusy } = useAction("faucet");
  const { symbol, decimals } = deployment.collateral;
  return (
    <header className="top">
      <a
        className="skip"
        href={window.location.hash}
        onClick={(event) => {
          event.preventDefault();
          onSkip();
        }}
      >
        Skip to the page
      </a>
      <span className="brand">
        <Logo size={22} />
        <b>Plimsoll</b>
        <span className="tag">{deployment.network}</span>
      </span>
      <Pages page={page} />
      <span className="spacer" />
      {wallet.address !== undefined && account !== undefined && (
        <span className="wallet-balance" title="In your wallet, not yet deposited">
          <span className="muted">Wallet</span>{" "}
          <b data-testid="wallet-balance">
            {formatCash(account.wallet, decimals)} {symbol}
          </b>
        </span>
      )}
      {wallet.address !== undefined && deployment.network === "local" && (
        <button
          type="button"
          className="ghost"
          data-testid="faucet"
          disabled={isBusy || !wallet.isReady}
          onClick={() => void run("Faucet", `Test ${symbol} is in your wallet.`, askFaucet)}
        >
          Faucet
        </button>
      )}
      <ThemeButton />
      {wallet.address === undefined ? (
        <ConnectButton />
      ) : (
        <button
          type="button"
          id="account"
          className="ghost account"
          title={`${wallet.address} (${wallet.name}). Click to disconnect.`}
          data-testid="disconnect"
          onClick={() => disconnect.mutate({})}
        >
          <i className={wallet.isReady ? "dot good" : "dot bad"} aria-hidden="true" />
          <span data-testid="address">{shortAddress(wallet.address)}</span>
          <span className="sr">Disconnect</span>
        </button>
      )}
    </header>
  );
}
