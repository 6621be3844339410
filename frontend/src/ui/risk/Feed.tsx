import { usePlimsoll } from "../../chain/context";
import type { History } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { formatCash, formatPrice, formatUnits } from "../../lib/fixed";
import { sideOf } from "../../lib/grid";
import type { FeedItem } from "../../lib/history/market";
import { formatRoute } from "../../lib/route";
import { formatClock, payersInWords, positionsInWords } from "../../lib/words";
import { Panel } from "../parts";

const SHOWN = 60;

interface Entry extends FeedItem {
  symbol: string;
}

function newest(venue: Venue, history: History): Entry[] {
  const all = venue.markets.flatMap(({ info }) =>
    history
      .of(info.address)
      .feed.slice(-SHOWN)
      .map((item) => ({ ...item, symbol: info.symbol })),
  );
  return all
    .toSorted((a, b) =>
      a.event.block === b.event.block ? b.event.logIndex - a.event.logIndex : a.event.block < b.event.block ? 1 : -1,
    )
    .slice(0, SHOWN);
}

function Line({ entry }: { entry: Entry }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { event, symbol, owners } = entry;
  const usd = (cash: bigint) => `$${formatCash(cash, decimals)}`;
  const side = sideOf(event.args.bucket) === 0n ? "long" : "short";
  const what = `${formatUnits(event.args.units)} ${symbol} ${side}, ${positionsInWords(owners)}`;
  if (event.eventName === "Liquidated") {
    const { to_vault, fill_price, loss } = event.args;
    return (
      <>
        <span className="side bad">Liquidated</span> {what} at {formatPrice(fill_price)},{" "}
        {to_vault ? "to the vault" : "against winners"}
        {loss > 0n && (
          <>
            . Loss beyond margin {usd(loss)}: {payersInWords(event.args, usd)}
          </>
        )}
      </>
    );
  }
  return (
    <>
      <a className="side warn" href={formatRoute({ page: "round", symbol, round: entry.round })}>
        ADL
      </a>{" "}
      {what} at {formatPrice(event.args.index_price)}, step {event.args.step.toString()}
      {event.args.claim > 0n ? `. Gave up ${usd(event.args.claim)} of profit` : ", at the fair price"}
    </>
  );
}

export function Feed({ venue, history }: { venue: Venue; history: History }) {
  const entries = newest(venue, history);
  return (
    <Panel title="Live feed" aside={<span className="hint">Liquidations and ADL, newest first</span>}>
      {entries.length === 0 ? (
        <p className="empty">
          {history.isRead ? "No position has been liquidated or deleveraged yet." : "Reading the chain."}
        </p>
      ) : (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
        <ol className="feed" data-testid="feed" tabIndex={0} aria-label="Liquidations and ADL, newest first">
          {entries.map((entry) => (
            <li key={`${entry.symbol}${entry.event.block}/${entry.event.logIndex}`}>
              <time dateTime={new Date(Number(entry.event.time) * 1000).toISOString()}>
                {formatClock(entry.event.time)}
              </time>
              <span>
                <Line entry={entry} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
