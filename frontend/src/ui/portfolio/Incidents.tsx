import { useIncidents } from "../../chain/incidents";
import type { Account } from "../../chain/reads";
import type { Address } from "../../lib/deployment";
import { formatPrice } from "../../lib/fixed";
import { formatTime } from "../../lib/words";
import { Panel } from "../parts";
import { IncidentCard } from "./IncidentCard";

/** Every liquidation and deleveraging of the account, read or not. */
export function Incidents({ owner, account }: { owner: Address; account: Account | undefined }) {
  const incidents = useIncidents(owner);
  if (incidents.length === 0) return null;
  return (
    <Panel title="What was closed for you" aside={<span className="count">{incidents.length}</span>}>
      {incidents.map((incident) => (
        <details key={incident.key}>
          <summary>
            {incident.kind === "adl" ? "Deleveraged" : "Liquidated"} in {incident.symbol} at {formatPrice(incident.price)}{" "}
            <span className="muted">{formatTime(incident.time)} UTC</span>
          </summary>
          <IncidentCard incident={incident} account={account} />
        </details>
      ))}
    </Panel>
  );
}
