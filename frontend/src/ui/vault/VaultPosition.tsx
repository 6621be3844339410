import { useState } from "react";
import type { Capital, RequestView } from "../../chain/capital";
import { cancelRequest, depositInVault, redeemRequest, requestRedeem } from "../../chain/capital_actions";
import { usePlimsoll } from "../../chain/context";
import type { Account } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatPercent, min, shareOf } from "../../lib/fixed";
import { formatAge, reasonInWords } from "../../lib/words";
import { AmountForm } from "../AmountForm";
import { Choice, Panel, Row } from "../parts";
import { ConnectButton } from "../TopBar";

const WAYS = [
  { value: "deposit", text: "Deposit" },
  { value: "request", text: "Request redemption" },
] as const;

interface Props {
  capital: Capital;
  account: Account | undefined;
  now: bigint;
}

/** There is no queue to stand in: all who have asked get the same part of what is free, round by round. */
function Request({ id, view, capital, now }: { id: bigint; view: RequestView; capital: Capital; now: bigint }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`request ${id}`);
  const { isReady } = useWallet();
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  const isCooling = now < view.ready_at;
  return (
    <div className="request" data-testid={`request-${id}`}>
      <dl className="rows">
        <Row label={`Request #${id}`} value={cash(view.assets)} hint="What its shares are worth now" />
        <Row
          label="Of all that is asked"
          value={capital.vault === null ? "–" : formatPercent(shareOf(view.shares, capital.vault.asked_shares))}
          hint="There is no queue: everybody who has asked gets the same part of what is free"
        />
        {isCooling ? (
          <Row label="Ready in" value={formatAge(view.ready_at - now)} hint="The cooldown" />
        ) : (
          <Row label="Redeemable now" value={cash(view.assets_now)} hint="Its part of this round" />
        )}
        {!isCooling && now <= view.lapses_at && (
          <Row
            label="Lapses in"
            value={formatAge(view.lapses_at - now)}
            hint="If nobody redeems it until then, the shares come back, less a thousandth"
          />
        )}
      </dl>
      {!isCooling && view.error !== "" && (
        <p className="problem" role="status">
          {reasonInWords(view.error)}
        </p>
      )}
      <div className="buttons">
        <button
          type="button"
          className="primary small"
          data-testid={`redeem-${id}`}
          disabled={isBusy || !isReady || view.error !== ""}
          onClick={() => void run("Redeem", "It is in your wallet.", (sender) => redeemRequest(sender, id))}
        >
          Redeem
        </button>
        <button
          type="button"
          className="ghost small"
          data-testid={`cancel-request-${id}`}
          disabled={isBusy || !isReady}
          title={
            view.cancel_fee_shares > 0n
              ? "From the end of the cooldown on it costs a thousandth of the shares"
              : undefined
          }
          onClick={() =>
            void run("Cancel request", "The shares are yours again.", (sender) => cancelRequest(sender, id))
          }
        >
          Cancel
        </button>
      </div>
    </div>
  );
}

export function VaultPosition({ capital, account, now }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const [way, setWay] = useState<"deposit" | "request">("deposit");
  const { vault, mine } = capital;
  const { address } = useWallet();
  if (mine === null)
    return (
      <Panel title="Your part of the vault">
        <div className="empty">
          <p>{address === undefined ? "Connect a wallet to bring capital." : "Reading what this account has here."}</p>
          {address === undefined && <ConnectButton />}
        </div>
      </Panel>
    );
  const { holder } = mine;
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  const free = holder.shares === 0n ? 0n : (holder.assets * (holder.shares - holder.locked_shares)) / holder.shares;
  const room = account === undefined || vault === null ? undefined : min(account.wallet, vault.deposit_room);
  return (
    <Panel title="Your part of the vault">
      <dl className="rows">
        <Row label="Worth" value={cash(holder.assets)} testId="vault-holding" />
        <Row
          label="Of the vault"
          value={vault === null ? "–" : formatPercent(shareOf(holder.shares, vault.shares), { places: 4 })}
        />
        {holder.locked_shares > 0n && holder.unlocked_at > now && (
          <Row label="All unlocked in" value={formatAge(holder.unlocked_at - now)} />
        )}
        <Row label="In your wallet" value={account === undefined ? "–" : cash(account.wallet)} />
      </dl>
      <div className="form">
        <Choice label="Capital" value={way} choices={WAYS} onChange={setWay} />
      </div>
      {way === "deposit" ? (
        <AmountForm
          key="deposit"
          id="vault-deposit"
          label="Amount"
          button="Deposit into the vault"
          most={room}
          tooMuch={
            vault?.is_settled === false
              ? "The vault takes deposits while every market is clean at a fresh price."
              : "That is more than your wallet holds or the vault takes."
          }
          done={(shown) => `${shown} work in the vault.`}
          action={depositInVault}
        />
      ) : (
        <AmountForm
          key="request"
          id="vault-request"
          label="Worth of the shares"
          button="Request redemption"
          most={free}
          tooMuch="You have fewer unlocked shares."
          done={(shown) => `Asked for ${shown}. The shares go on bearing gains and losses until they are paid.`}
          action={requestRedeem}
        />
      )}
      {mine.requests.map(({ id, view }) => (
        <Request key={id.toString()} id={id} view={view} capital={capital} now={now} />
      ))}
    </Panel>
  );
}
