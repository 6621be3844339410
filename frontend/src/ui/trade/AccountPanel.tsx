import { useState } from "react";
import { deposit, withdraw } from "../../chain/cash_actions";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { formatCash } from "../../lib/fixed";
import { AmountForm } from "../AmountForm";
import { Choice, Panel, Row } from "../parts";

type Way = "deposit" | "withdraw";

const WAYS = [
  { value: "deposit", text: "Deposit" },
  { value: "withdraw", text: "Withdraw" },
] as const;

export function AccountPanel({ account }: { account: Account | undefined }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const [way, setWay] = useState<Way>("deposit");
  const cash = (value: bigint | undefined) => (value === undefined ? "–" : `${formatCash(value, decimals)} ${symbol}`);
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
          value={cash(account?.free)}
          hint="In the margin pool and not locked in a position or an order"
          testId="free-balance"
        />
        <Row label="In your wallet" value={cash(account?.wallet)} />
      </dl>
      <div className="form">
        <Choice label="Way" value={way} choices={WAYS} onChange={setWay} />
      </div>
      {way === "deposit" ? (
        <AmountForm
          key="deposit"
          id="cash-amount"
          label="Amount"
          button="Deposit"
          most={account?.wallet}
          tooMuch={`Your wallet holds less ${symbol}. On a local chain the faucet gives some.`}
          done={(shown) => `${shown} is in your free balance.`}
          action={deposit}
        />
      ) : (
        <AmountForm
          key="withdraw"
          id="cash-amount"
          label="Amount"
          button="Withdraw"
          most={account?.free}
          tooMuch="Your free balance is smaller."
          done={(shown) => `${shown} is in your wallet.`}
          action={withdraw}
        />
      )}
    </Panel>
  );
}
