/** What an account can do about the RECOVER it holds or waits for. */
import { issueRest, redeemRecovery } from "../chain/cash_actions";
import { usePlimsoll } from "../chain/context";
import type { Account, Deferred } from "../chain/reads";
import { useAction } from "../chain/transactions";
import { useWallet } from "../chain/wallet";
import { formatCash } from "../lib/fixed";

/** Nothing without RECOVER. */
export function RedeemRecover({ account, className }: { account: Account; className: string }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useAction("redeem RECOVER");
  const { isReady } = useWallet();
  const { recovery, redeemable } = account;
  if (recovery === 0n) return null;
  return (
    <button
      type="button"
      className={`ghost ${className}`}
      data-testid="redeem-recover"
      disabled={isBusy || !isReady || redeemable === 0n}
      title="The recovery pot pays what it has for each RECOVER and fills from insurance income, so it can be worth waiting. RECOVER can also be sold, as any token."
      onClick={() =>
        void run("Redeem RECOVER", "It is in your free balance.", (sender) => redeemRecovery(sender, recovery))
      }
    >
      Redeem {formatCash(recovery, decimals)} RECOVER for {formatCash(redeemable, decimals)} {symbol} now
    </button>
  );
}

function DeferredClaim({ info, waiting, now }: Deferred) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`issue ${info.symbol}`);
  const { isReady } = useWallet();
  return (
    <div className="form" data-testid={`deferred-${info.symbol}`}>
      <p className="muted">
        {formatCash(waiting, decimals)} RECOVER of yours wait: {info.symbol} had claims for more than it may issue in a
        day.
      </p>
      <button
        type="button"
        className="primary small"
        data-testid={`issue-${info.symbol}`}
        disabled={isBusy || !isReady || now === 0n}
        onClick={() =>
          void run(`Issue RECOVER of ${info.symbol}`, "It is in your wallet.", (sender) =>
            issueRest(sender, info.address),
          )
        }
      >
        {now === 0n ? "Nothing more today" : `Issue ${formatCash(now, decimals)} RECOVER now`}
      </button>
    </div>
  );
}

/** Claims that wait because their market has issued all that it may in a day. */
export function DeferredClaims({ account }: { account: Account }) {
  return account.deferred.map((claim) => <DeferredClaim key={claim.info.symbol} {...claim} />);
}
