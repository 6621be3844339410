import { collect } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatDecimal, formatPercent, formatPrice, formatUnits, shareOf } from "../../lib/fixed";
import type { Incident } from "../../lib/history/incidents";
import { formatRoute } from "../../lib/route";
import { bucketInWords, formatTime } from "../../lib/words";
import { RedeemRecover } from "../Recover";

type Money = (cash: bigint) => string;

function AdlReason({ incident, money }: { incident: Incident & { kind: "adl" }; money: Money }) {
  const { symbol, place, of, score, forBuckets, loss, shared, claim, round } = incident;
  return (
    <ul>
      <li>
        Your bucket {bucketInWords(incident.bucket)} was number {place} of {of} in the order of this round: score{" "}
        {formatDecimal(score, 18, { places: 4 })} (return on margin times effective leverage; the highest goes first).
      </li>
      {forBuckets.length === 0 ? (
        <li>
          Nobody was bankrupt. The vault held more than its limit on the other side of you, so winners were closed at
          the index price. You lost the position and no money.
        </li>
      ) : (
        <li>
          It was closed against the liquidated bucket {forBuckets.map(bucketInWords).join(", ")}, for which the vault
          had no room left.{" "}
          {loss > 0n
            ? `Its shortfall was ${money(loss)}; skin in the game and insurance had ${money(loss - shared)} for it.`
            : "It had no shortfall: you were paid the index price."}
        </li>
      )}
      {claim > 0n && (
        <li>
          Winners gave up {money(shared)} of profit, you {money(claim)} of it ({formatPercent(shareOf(claim, shared))}).
          For that you have a claim of as many RECOVER.
        </li>
      )}
      <li>
        <a href={formatRoute({ page: "round", symbol, round })}>See the whole round and check its order</a>
      </li>
    </ul>
  );
}

function LiquidationReason({ incident, money }: { incident: Incident & { kind: "liquidation" }; money: Money }) {
  const { units, toVault, fillPrice, loss, symbol } = incident;
  return (
    <ul>
      <li>At this price your equity was below the maintenance margin.</li>
      <li>
        {toVault === units
          ? `The vault took it over at ${formatPrice(fillPrice)}.`
          : toVault === 0n
            ? `It was closed against winners at ${formatPrice(fillPrice)}.`
            : `The vault took over ${formatUnits(toVault)} ${symbol}, the rest was closed against winners.`}
      </li>
      <li>
        {loss > 0n
          ? `The bucket's loss beyond margin was ${money(loss)}. You do not owe it: it was paid by those who stand behind.`
          : "What was left after the liquidation penalty is yours."}
      </li>
    </ul>
  );
}

/** What happened, why, and what to do now. */
export function IncidentCard({ incident, account }: { incident: Incident; account: Account | undefined }) {
  const { deployment } = usePlimsoll();
  const { symbol: unit, decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`collect ${incident.symbol}`);
  const { isReady } = useWallet();
  const money: Money = (cash) => `${formatCash(cash, decimals)} ${unit}`;
  const { symbol, side, units, price, paid, isWhole } = incident;
  const held = account?.positions.find(({ info }) => info.symbol === symbol);
  const owes = held !== undefined && (held.view.cash_owed > 0n || held.view.claim_owed > 0n);
  const market = deployment.markets.find((info) => info.symbol === symbol);
  return (
    <div className="incident" data-testid={`incident-${incident.kind}-${symbol}`}>
      <p>
        {formatTime(incident.time)} UTC: {isWhole ? "the whole of" : "part of"} your {symbol}{" "}
        {side === 0n ? "long" : "short"}, <b>{formatUnits(units)}</b>, was closed at an index price of{" "}
        <b>{formatPrice(price)}</b>. You are paid <b data-testid="incident-paid">{money(paid)}</b>.
      </p>
      {incident.kind === "adl" ? (
        <AdlReason incident={incident} money={money} />
      ) : (
        <LiquidationReason incident={incident} money={money} />
      )}
      <p className="muted">
        {incident.transactions.length === 1 ? "Transaction" : "Transactions"}{" "}
        {incident.transactions.map((hash) => (
          <code key={hash}>{hash}</code>
        ))}
      </p>
      <div className="buttons">
        {owes && market !== undefined && (
          <button
            type="button"
            className="primary small"
            data-testid={`claim-${symbol}`}
            disabled={isBusy || !isReady}
            onClick={() =>
              void run(`Claim from ${symbol}`, "The cash is in your free balance, RECOVER in your wallet.", (sender) =>
                collect(sender, market.address),
              )
            }
          >
            Claim {money(held.view.cash_owed)}
            {held.view.claim_owed > 0n && ` and ${formatCash(held.view.claim_owed, decimals)} RECOVER`}
          </button>
        )}
        {incident.kind === "adl" && incident.claim > 0n && account !== undefined && (
          <RedeemRecover account={account} className="small" />
        )}
      </div>
    </div>
  );
}
