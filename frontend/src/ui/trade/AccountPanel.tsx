import { useState } from "react";
import { deposit, withdraw } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatDecimal, parseDecimal } from "../../lib/fixed";
import { AmountField, Choice, Panel, Row } from "../parts";

type Way = "deposit" | "withdraw";

const WAYS = [
  { value: "deposit", text: "Deposit" },
  { value: "withdraw", text: "Withdraw" },
] as const;

export function AccountPanel({ account }: { account: Account | undefined }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const wallet = useWallet();
  const { run, isBusy } = useTransactions();
  const [way, setWay] = useState<Way>("deposit");
  const [text, setText] = useState("");

  const amount = parseDecimal(text, decimals);
  const most = way === "deposit" ? account?.wallet : account?.free;
  const isTooMuch = amount !== null && most !== undefined && amount > most;
  const isBad = text !== "" && (amount === null || isTooMuch);
  const problem = !isBad
    ? undefined
    : amount === null
      ? "This is not an amount."
      : way === "deposit"
        ? `Your wallet holds less ${symbol}. On a local chain the faucet gives some.`
        : "Your free balance is smaller.";

  const submit = async () => {
    if (amount === null) return;
    const shown = `${formatCash(amount, decimals)} ${symbol}`;
    const isDone =
      way === "deposit"
        ? await run("Deposit", `${shown} is in your free balance.`, (sender) => deposit(sender, amount))
        : await run("Withdraw", `${shown} is in your wallet.`, (sender) => withdraw(sender, amount));
    if (isDone) setText("");
  };

  const isNew =
    deployment.network === "local" && account?.wallet === 0n && account.free === 0n && account.positions.length === 0;

  return (
    <Panel title="Account">
      {isNew && (
        <p className="welcome">
          New here? The faucet at the top gives you test {symbol}. Deposit some of it, then open a position.
        </p>
      )}
      <dl className="rows">
        <Row
          label="Free balance"
          value={account === undefined ? "–" : `${formatCash(account.free, decimals)} ${symbol}`}
          hint="In the margin pool and not locked in a position or an order"
          testId="free-balance"
        />
        <Row
          label="In your wallet"
          value={account === undefined ? "–" : `${formatCash(account.wallet, decimals)} ${symbol}`}
        />
      </dl>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Choice label="Way" value={way} choices={WAYS} onChange={setWay} />
        <AmountField
          id="cash-amount"
          label="Amount"
          unit={symbol}
          value={text}
          isBad={isBad}
          describedBy={problem === undefined ? undefined : "cash-problem"}
          onChange={setText}
          aside={
            <button
              type="button"
              className="link"
              disabled={most === undefined}
              onClick={() => setText(formatDecimal(most ?? 0n, decimals, { group: false, trim: true }))}
            >
              Max
            </button>
          }
        />
        {problem !== undefined && (
          <p className="problem" id="cash-problem">
            {problem}
          </p>
        )}
        <button
          type="submit"
          className="primary wide"
          data-testid="cash-submit"
          disabled={isBusy || !wallet.isReady || amount === null || amount === 0n || isTooMuch}
        >
          {way === "deposit" ? "Deposit" : "Withdraw"}
        </button>
      </form>
    </Panel>
  );
}
