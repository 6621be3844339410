import { useIncidents, useRead } from "../chain/incidents";
import type { Account } from "../chain/reads";
import type { Address } from "../lib/deployment";
import { formatPrice } from "../lib/fixed";
import { formatTime } from "../lib/words";
import { IncidentCard } from "./portfolio/IncidentCard";

const SHOWN = 3;

/** Stays on every page until it is read: what was closed, why, and what is owed. It comes from events, so it survives a reload. */
export function Hits({ owner, account }: { owner: Address; account: Account | undefined }) {
  const incidents = useIncidents(owner);
  const [read, markRead] = useRead(owner);
  const unread = incidents.filter((incident) => !read.has(incident.key));
  if (unread.length === 0) return null;
  return (
    <section className="hits" aria-label="Positions that were closed for you">
      {unread.slice(0, SHOWN).map((incident, index) => (
        <div key={incident.key} role="alert" className={incident.kind === "adl" ? "hit warn" : "hit bad"}>
          <button
            type="button"
            className="ghost small"
            data-testid={`read-${incident.kind}-${incident.symbol}`}
            onClick={() => markRead(incident.key)}
          >
            I have read it
          </button>
          <details open={index === 0}>
            <summary>
              {incident.kind === "adl" ? "You were deleveraged in " : "You were liquidated in "}
              {incident.symbol} at {formatPrice(incident.price)}{" "}
              <span className="muted">{formatTime(incident.time)} UTC</span>
            </summary>
            <IncidentCard incident={incident} account={account} />
          </details>
        </div>
      ))}
      {unread.length > SHOWN && <p className="hint">{unread.length - SHOWN} more below your portfolio.</p>}
    </section>
  );
}
