import type { Capital } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import { BPS, WAD, formatCash, formatPercent } from "../../lib/fixed";
import { formatAge } from "../../lib/words";
import { Panel, Stat } from "../parts";

export function VaultSummary({ capital, now }: { capital: Capital; now: bigint }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { vault } = capital;
  const cash = (value: bigint | undefined) => (value === undefined ? "–" : `${formatCash(value, decimals)} ${symbol}`);
  return (
    <Panel
      title="Vault"
      aside={<span className="hint">The traders&apos; counterparty: it takes the other side of the skew</span>}
    >
      <dl className="stats wrap">
        <Stat
          label="Worth"
          value={cash(vault?.worth)}
          testId="vault-worth"
          hint="Marked to market, less the skew reserve"
        />
        <Stat
          label="Share price"
          value={vault === null ? "–" : formatCash(vault.share_price, decimals, { places: 6 })}
          testId="vault-share-price"
        />
        <Stat
          label="In use"
          value={vault === null ? "–" : formatPercent((vault.utilisation_bps * WAD) / BPS)}
          hint="The part of the worth that is kept for the markets' mandates"
        />
        <Stat label="Free for redemptions" value={cash(vault?.free_capital)} />
        <Stat label="Asked to leave" value={cash(vault?.asked_assets)} />
        <Stat
          label="Deposits"
          value={vault === null ? "–" : vault.is_settled ? "open" : "wait"}
          note={vault === null ? undefined : `locked for ${formatAge(vault.deposit_lock)} or more`}
          hint="Open while every market is clean at a fresh price; fresh shares are locked for one to two deposit locks"
        />
        {vault !== null && vault.round_ends_at > now && (
          <Stat
            label={`Round ${vault.round}`}
            value={formatPercent(vault.round_fraction)}
            note={`ends in ${formatAge(vault.round_ends_at - now)}`}
            hint="What each request may redeem of its shares in this round"
          />
        )}
      </dl>
    </Panel>
  );
}
