/** What the connected account has, and all that happened to it. */
import type { Account, Venue } from "../../chain/reads";
import { useWallet } from "../../chain/wallet";
import { DeferredClaims } from "../Recover";
import { ConnectButton } from "../TopBar";
import { Panel } from "../parts";
import { Positions } from "../trade/Positions";
import { HistoryPanel } from "./HistoryPanel";
import { Incidents } from "./Incidents";
import { Summary } from "./Summary";

export function PortfolioPage({ venue, account }: { venue: Venue; account: Account | undefined }) {
  const { address } = useWallet();
  if (address === undefined)
    return (
      <div className="stack">
        <Panel title="Portfolio">
          <div className="empty">
            <p>Connect a wallet to see what it has here, and its history.</p>
            <ConnectButton />
          </div>
        </Panel>
      </div>
    );
  return (
    <div className="stack">
      <Summary account={account} />
      {account !== undefined && account.deferred.length > 0 && (
        <Panel title="Claims that wait">
          <DeferredClaims account={account} />
        </Panel>
      )}
      <Incidents owner={address} account={account} />
      <Positions key={address} account={account} venue={venue} />
      <HistoryPanel owner={address} />
    </div>
  );
}
