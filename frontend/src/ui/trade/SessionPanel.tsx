import { useState } from "react";
import { usePlimsoll } from "../../chain/context";
import type { Session } from "../../chain/session";
import { isUsable, useSession } from "../../chain/session";
import { endSession, startSession } from "../../chain/session_actions";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatCompact, formatDecimal } from "../../lib/fixed";
import { formatAge, shortAddress } from "../../lib/words";
import { Choice, Panel, Row } from "../parts";

const HOURS = [
  { value: "3600", text: "1 h" },
  { value: "28800", text: "8 h" },
  { value: "86400", text: "1 day" },
] as const;

const ORDERS = [
  { value: "10", text: "10" },
  { value: "100", text: "100" },
  { value: "1000", text: "1,000" },
] as const;

const NOTIONALS = [
  { value: "10000", text: "10K" },
  { value: "100000", text: "100K" },
  { value: "1000000", text: "1M" },
] as const;

function Off() {
  const { deployment } = usePlimsoll();
  const { decimals, symbol } = deployment.collateral;
  const { isReady } = useWallet();
  const { run, isBusy } = useAction("session");
  const [seconds, setSeconds] = useState<(typeof HOURS)[number]["value"]>("28800");
  const [orders, setOrders] = useState<(typeof ORDERS)[number]["value"]>("100");
  const [notional, setNotional] = useState<(typeof NOTIONALS)[number]["value"]>("100000");
  const start = () =>
    run("One-click trading", "On. Orders are signed by the key in this browser.", (sender) =>
      startSession(sender, {
        seconds: BigInt(seconds),
        orders: BigInt(orders),
        notional: BigInt(notional) * 10n ** BigInt(decimals),
      }),
    );
  return (
    <div className="form">
      <p className="muted">
        A key kept in this browser places and cancels orders and adds margin without asking the wallet. It can never
        withdraw. The contracts hold it to these limits.
        {deployment.network === "local"
          ? " It is given ether for gas on the local chain."
          : " Your wallet also sends it a little ether for gas."}
      </p>
      <div className="field inline">
        <span className="label">For</span>
        <Choice label="Session-time" value={seconds} choices={HOURS} onChange={setSeconds} className="small" />
      </div>
      <div className="field inline">
        <span className="label">Orders</span>
        <Choice label="Session-orders" value={orders} choices={ORDERS} onChange={setOrders} className="small" />
      </div>
      <div className="field inline">
        <span className="label">Opening up to, {symbol}</span>
        <Choice
          label="Session-notional"
          value={notional}
          choices={NOTIONALS}
          onChange={setNotional}
          className="small"
        />
      </div>
      <button
        type="button"
        className="ghost wide"
        data-testid="session-start"
        disabled={isBusy || !isReady}
        onClick={() => void start()}
      >
        Turn on
      </button>
    </div>
  );
}

function On({ session, now }: { session: Session; now: bigint }) {
  const { deployment } = usePlimsoll();
  const { decimals, symbol } = deployment.collateral;
  const { isReady } = useWallet();
  const { run, isBusy } = useAction("session");
  const { terms, account, gas } = session;
  return (
    <>
      <dl className="rows">
        <Row label="Session key" value={shortAddress(account.address)} hint={account.address} testId="session-key" />
        <Row
          label="Expires in"
          value={terms.expires_at === 0n ? "expired or revoked" : formatAge(terms.expires_at - now)}
        />
        <Row label="Orders left" value={terms.orders.toString()} testId="session-orders" />
        <Row
          label="May still open"
          value={`${terms.notional >= 10n ** BigInt(decimals + 4) ? formatCompact(terms.notional, decimals) : formatCash(terms.notional, decimals)} ${symbol}`}
          testId="session-notional"
        />
        <Row
          label="Gas"
          value={`${formatDecimal(gas, 18, { places: 4 })} ETH`}
          hint="Where it does not cover the fee your wallet is asked. What is left comes back when you revoke the key."
        />
      </dl>
      <div className="form">
        <button
          type="button"
          className="ghost wide"
          data-testid="session-end"
          disabled={isBusy || !isReady}
          onClick={() => void run("Revoke session key", "Off.", (sender) => endSession(sender, session))}
        >
          {terms.expires_at === 0n ? "Forget the key" : "Revoke"}
        </button>
      </div>
    </>
  );
}

export function SessionPanel({ now }: { now: bigint }) {
  const { address } = useWallet();
  const session = useSession(address);
  if (address === undefined) return null;
  return (
    <Panel
      title="One-click trading"
      aside={<span className={isUsable(session) ? "hint good" : "hint"}>{isUsable(session) ? "on" : "off"}</span>}
    >
      {session === null ? <Off /> : <On session={session} now={now} />}
    </Panel>
  );
}
