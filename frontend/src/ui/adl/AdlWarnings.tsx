import { useState } from "react";
import type { Account, Venue } from "../../chain/reads";
import { AdlDrawer } from "./AdlDrawer";

const NEAR = 4n;

/** Stays as long as a position is near the front of the queue, on every page. */
export function AdlWarnings({ account, venue }: { account: Account; venue: Venue }) {
  const [open, setOpen] = useState<string | null>(null);
  const near = account.positions.filter(({ rank }) => rank !== null && rank.lights >= NEAR);
  // Whoever lowers the rank in the drawer wants to see it fall: it stays until the position is gone.
  const position = account.positions.find(({ info, rank }) => info.symbol === open && rank !== null);
  if (open !== null && position === undefined) setOpen(null);
  const market = venue.markets.find(({ info }) => info.symbol === open);
  return (
    <>
      {near.map(({ info, view, rank }) => (
        <div key={info.symbol} className="banner warn" role="status" data-testid={`adl-warning-${info.symbol}`}>
          <span>
            Your {info.symbol} {view.side === 0n ? "long" : "short"} is near the front of the ADL queue (
            {(rank?.lights ?? 0n).toString()} of 5 lights): in a crash it may be closed at the index price.
          </span>
          <button type="button" className="ghost small" onClick={() => setOpen(info.symbol)}>
            Where I stand
          </button>
        </div>
      ))}
      {position !== undefined && market !== undefined && (
        <AdlDrawer position={position} market={market} account={account} onClose={() => setOpen(null)} />
      )}
    </>
  );
}
