import { usePlimsoll } from "../chain/context";
import type { Venue } from "../chain/reads";
import { formatCompact } from "../lib/fixed";
import { Panel, Row } from "./parts";

/** Who pays when a loser cannot, in order. */
export function Backstop({ venue }: { venue: Venue }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const usd = (cash: bigint) => `$${formatCompact(cash, decimals)}`;
  return (
    <Panel title="Who stands behind it">
      <dl className="rows">
        <Row
          label="Vault"
          value={venue.vaultWorth === null ? "not valued now" : usd(venue.vaultWorth)}
          hint="Takes over liquidated positions within its room"
          testId="vault-worth"
        />
        <Row
          label="Skin in the game"
          value={usd(venue.skinInTheGame)}
          hint="Pays first for a loss beyond margin"
          testId="skin"
        />
        <Row label="Insurance" value={usd(venue.insurance)} hint="Pays second" testId="insurance" />
        <Row label="Recovery pot" value={usd(venue.recoveryPot)} hint="Pays back those whose profit ADL took" />
      </dl>
    </Panel>
  );
}
