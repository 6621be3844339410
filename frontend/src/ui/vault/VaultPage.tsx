/** For those who bring capital: what the vault is worth and risks, what came in, and the way in and out. */
import { useCapital } from "../../chain/capital";
import type { Account, Venue } from "../../chain/reads";
import { useWallet } from "../../chain/wallet";
import { reasonInWords } from "../../lib/words";
import { Panel } from "../parts";
import { Income } from "./Income";
import { InsurancePanel } from "./InsurancePanel";
import { Mandates } from "./Mandates";
import { RecoveryPanel } from "./RecoveryPanel";
import { SharePrice } from "./SharePrice";
import { VaultPosition } from "./VaultPosition";
import { VaultSummary } from "./VaultSummary";
import "./vault.css";

export function VaultPage({ venue, account }: { venue: Venue; account: Account | undefined }) {
  const { address } = useWallet();
  const capital = useCapital(address).data;
  if (capital === undefined)
    return (
      <div className="stack">
        <Panel title="Vault">
          <p className="empty">Reading the vault.</p>
        </Panel>
      </div>
    );
  return (
    <>
      <div className="layout">
        <div className="main-column">
          {capital.vault === null && (
            <div className="banner warn" role="status">
              The vault cannot be valued now: {reasonInWords(capital.problem)}
            </div>
          )}
          <VaultSummary capital={capital} now={venue.now} />
          <SharePrice capital={capital} />
          <Mandates capital={capital} />
          <Income capital={capital} venue={venue} />
        </div>
        <aside className="side-column" aria-label="Your capital">
          <VaultPosition capital={capital} account={account} now={venue.now} />
          <InsurancePanel capital={capital} account={account} now={venue.now} />
          <RecoveryPanel capital={capital} account={account} />
        </aside>
      </div>
    </>
  );
}
