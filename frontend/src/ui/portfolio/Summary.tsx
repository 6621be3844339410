import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { formatCash, sum } from "../../lib/fixed";
import { Panel, Stat } from "../parts";

export function Summary({ account }: { account: Account | undefined }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const cash = (value: bigint | undefined) => (value === undefined ? "–" : `${formatCash(value, decimals)} ${symbol}`);
  const views = account?.positions.map(({ view }) => view) ?? [];
  const equity = sum(views.map((view) => view.equity));
  const owed = sum(views.map((view) => view.cash_owed));
  const pnl = sum(views.map((view) => view.pnl));
  return (
    <Panel title="Summary">
      <dl className="stats wrap">
        <Stat
          label="Account value"
          value={cash(account && account.free + equity + owed)}
          hint="Free balance, equity of open positions and what is owed to you"
          testId="account-value"
        />
        <Stat label="Free balance" value={cash(account?.free)} />
        <Stat label="In positions" value={cash(account && equity)} />
        <Stat label="To collect" value={cash(account && owed)} />
        <Stat
          label="Open PnL"
          value={account === undefined ? "–" : formatCash(pnl, decimals, { sign: true })}
          tone={pnl < 0n ? "bad" : "good"}
        />
        <Stat label="In your wallet" value={cash(account?.wallet)} />
        <Stat
          label="RECOVER"
          value={account === undefined ? "–" : formatCash(account.recovery, decimals)}
          hint="Claims for profit that ADL took; the recovery pot pays them back"
          testId="recover-balance"
        />
      </dl>
    </Panel>
  );
}
