import type { Capital } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { formatCash, formatPercent } from "../../lib/fixed";
import { DeferredClaims, RedeemRecover } from "../Recover";
import { Panel, Row } from "../parts";

/** Claims of the deleveraged, and the pot that pays them back. */
export function RecoveryPanel({ capital, account }: { capital: Capital; account: Account | undefined }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
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
      {account !== undefined && <DeferredClaims account={account} />}
      {account !== undefined && account.recovery > 0n && (
        <div className="form">
          <RedeemRecover account={account} className="wide" />
        </div>
      )}
    </Panel>
  );
}
