import type { Capital } from "../../chain/capital";
import { requestUnstake, stake, unstake } from "../../chain/capital_actions";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash } from "../../lib/fixed";
import { formatAge } from "../../lib/words";
import { AmountForm } from "../AmountForm";
import { Panel, Row } from "../parts";

interface Props {
  capital: Capital;
  account: Account | undefined;
  now: bigint;
}

function Leaving({ capital, now }: { capital: Capital; now: bigint }) {
  const { run, isBusy } = useAction("unstake");
  const { isReady } = useWallet();
  const { mine } = capital;
  if (mine === null || mine.stakeShares === 0n) return null;
  const { unstake: asked, stakeShares } = mine;
  if (asked.shares === 0n)
    return (
      <div className="form">
        <button
          type="button"
          className="ghost wide"
          data-testid="request-unstake"
          disabled={isBusy || !isReady}
          title="The shares bear losses until they are paid, and earn no more"
          onClick={() =>
            void run("Request to unstake", "Asked. It can be paid when the cooldown is over.", (sender) =>
              requestUnstake(sender, stakeShares),
            )
          }
        >
          Request to unstake all
        </button>
      </div>
    );
  const isCooling = now < asked.ready_at;
  return (
    <div className="form">
      <p className="muted">
        {isCooling
          ? `Unstaking is ready in ${formatAge(asked.ready_at - now)}.`
          : now > asked.lapses_at
            ? "The request has lapsed: ask again."
            : "Ready."}
      </p>
      <div className="buttons">
        <button
          type="button"
          className="primary small"
          data-testid="unstake"
          disabled={isBusy || !isReady || isCooling || now > asked.lapses_at}
          onClick={() => void run("Unstake", "It is in your wallet.", unstake)}
        >
          Unstake
        </button>
        <button
          type="button"
          className="ghost small"
          data-testid="cancel-unstake"
          title="Once the request is ready, letting it go costs a thousandth of its shares."
          disabled={isBusy || !isReady}
          onClick={() => void run("Stay", "Your stake goes on earning.", (sender) => requestUnstake(sender, 0n))}
        >
          Stay
        </button>
      </div>
    </div>
  );
}

/** The second layer: stakers earn fees and penalties, and pay for losses beyond margin. */
export function InsurancePanel({ capital, account, now }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { fund, mine, vault } = capital;
  const isOpen = vault?.is_settled === true;
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  return (
    <Panel title="Insurance">
      <dl className="rows">
        <Row label="Skin in the game" value={cash(fund.skin)} hint="The protocol's own: pays first" testId="skin" />
        <Row label="Stakers' insurance" value={cash(fund.insurance)} hint="Pays second" testId="insurance" />
        <Row label="Not yet vested" value={cash(fund.unvested)} hint="Income that the stakers earn with time" />
        <Row label="Your stake" value={mine === null ? "–" : cash(mine.stakeWorth)} testId="stake-worth" />
        <Row label="Cooldown" value={formatAge(fund.cooldown)} />
      </dl>
      {mine !== null && (
        <>
          <AmountForm
            id="stake"
            label="Stake"
            button="Stake"
            most={isOpen ? account?.wallet : 0n}
            tooMuch={
              isOpen ? "Your wallet holds less." : "Staking waits until every market is clean at a fresh price."
            }
            done={(shown) => `${shown} stand behind the traders.`}
            action={stake}
          />
          <Leaving capital={capital} now={now} />
        </>
      )}
    </Panel>
  );
}
