import { redeemRecovery } from "../../chain/actions";
import type { Capital } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatPercent } from "../../lib/fixed";
import { Panel, Row } from "../parts";

/** Claims of the deleveraged, and the pot that pays them back. */
export function RecoveryPanel({ capital, account }: { capital: Capital; account: Account | undefined }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useTransactions();
  const { isReady } = useWallet();
  const { fund } = capital;
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  return (
    <Panel title="Recovery">
      <dl className="rows">
        <Row
          label="Pot"
          value={cash(fund.pot)}
          hint="A share of insurance income fills it until it equals the supply"
        />
        <Row label="RECOVER in circulation" value={formatCash(fund.recoverySupply, decimals)} />
        <Row
          label="Paid for each now"
          value={formatPercent(fund.recoveryPrice)}
          hint="min(1, pot / supply)"
          testId="recovery-price"
        />
        {account !== undefined && (
          <>
            <Row label="You hold" value={formatCash(account.recovery, decimals)} testId="recovery-held" />
            <Row label="Worth now" value={cash(account.redeemable)} />
          </>
        )}
      </dl>
      {account !== undefined && account.recovery > 0n && (
        <div className="form">
          <button
            type="button"
            className="ghost wide"
            data-testid="redeem-all-recover"
            disabled={isBusy || !isReady || account.redeemable === 0n}
            title="RECOVER can wait: the pot grows. It can also be sold, as any token."
            onClick={() =>
              void run("Redeem RECOVER", "It is in your free balance.", (sender) =>
                redeemRecovery(sender, account.recovery),
              )
            }
          >
            Redeem all for {cash(account.redeemable)}
          </button>
        </div>
      )}
    </Panel>
  );
}
