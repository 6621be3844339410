import { usePlimsoll } from "../../chain/context";
import { useHistory } from "../../chain/history";
import type { MarketState, Venue } from "../../chain/reads";
import { WAD, formatCompact, formatPercent, formatPrice, notional } from "../../lib/fixed";
import { formatAge, fundingInWords, reasonInWords } from "../../lib/words";
import { Stat } from "../parts";

function Alerts({ market }: { market: MarketState }) {
  const { view } = market;
  if (view === null)
    return (
      <div className="banner warn" role="status">
        {market.info.symbol}: {reasonInWords(market.problem)}
      </div>
    );
  return (
    <>
      {view.is_settling && (
        <div className="banner bad" role="alert">
          {market.info.symbol} is settling: the vault could not pay. It opens nothing, and every exit is paid the same
          share of its equity.
        </div>
      )}
      {!view.is_clean && !view.is_settling && (
        <div className="banner warn" role="status">
          Bankrupt positions in {market.info.symbol} wait to be closed. Orders execute right after.
        </div>
      )}
      {view.is_stale && (
        <div className="banner warn" role="status" data-testid="stale">
          The {market.info.symbol} price is too old. Orders wait for a fresh one.
        </div>
      )}
      {view.is_increase_paused && (
        <div className="banner warn" role="status">
          {market.info.symbol} opens no positions at the moment. Closing always works.
        </div>
      )}
    </>
  );
}

const DAY = 86_400n;

function DayChange({ market, now }: { market: MarketState; now: bigint }) {
  const { prices } = useHistory().of(market.info.address);
  const from = prices.findLast(({ publishedAt }) => publishedAt <= now - DAY) ?? prices[0];
  if (from === undefined || market.view === null) return <Stat label="24 h change" value="–" />;
  const change = ((market.view.index_price - from.price) * WAD) / from.price;
  const isYoung = from.publishedAt > now - DAY;
  return (
    <Stat
      label="24 h change"
      value={formatPercent(change, { sign: true })}
      tone={change < 0n ? "bad" : "good"}
      note={isYoung ? `${formatAge(now - from.publishedAt)} old` : undefined}
      hint={isYoung ? "Since the first price: the market is younger than a day" : "Index price against a day ago"}
      testId="day-change"
    />
  );
}

const fundingHint = (ratePerDay: bigint): string =>
  `${formatPercent(ratePerDay, { places: 4, sign: true })} a day, ${formatPercent(ratePerDay * 365n, { places: 1, sign: true })} a year, while the skew stays as it is. There is no payment time to wait for: it accrues by the second.`;

interface Props {
  venue: Venue;
  selected: MarketState;
  onSelect: (symbol: string) => void;
}

export function MarketBar({ venue, selected, onSelect }: Props) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { view } = selected;
  const usd = (units: bigint) =>
    view === null ? "" : `$${formatCompact(notional(units, view.index_price, decimals), decimals)}`;
  return (
    <>
      <div className="market-bar">
        <nav className="tabs" aria-label="Markets">
          {venue.markets.map((market) => (
            <button
              key={market.info.symbol}
              type="button"
              aria-pressed={market === selected}
              data-testid={`market-${market.info.symbol}`}
              onClick={() => onSelect(market.info.symbol)}
            >
              <b>{market.info.symbol}</b>
              <span>{market.view === null ? "no price" : formatPrice(market.view.index_price)}</span>
            </button>
          ))}
        </nav>
        {view !== null && (
          <dl className="stats">
            <Stat
              label="Index"
              value={formatPrice(view.index_price)}
              note={`${formatAge(venue.now - view.published_at)} ago`}
              tone={view.is_stale ? "warn" : undefined}
              hint="The median of the publishers' signed prices, and its age by the chain's clock"
              testId="index-price"
            />
            <Stat
              label="Mark"
              value={formatPrice(view.mark_price)}
              hint="The price of an infinitely small trade: index and skew"
              testId="mark-price"
            />
            <DayChange market={selected} now={venue.now} />
            <Stat
              label="Funding / h"
              value={formatPercent(view.funding_rate_per_day / 24n, { places: 5, sign: true })}
              note={`${fundingInWords(view.funding_rate_per_day)}, each second`}
              hint={fundingHint(view.funding_rate_per_day)}
              testId="funding"
            />
            <Stat label="Long OI" value={usd(view.units_long)} tone="good" testId="oi-long" />
            <Stat label="Short OI" value={usd(view.units_short)} tone="bad" testId="oi-short" />
            <Stat
              label="Room long / short"
              value={`${usd(view.open_room_long)} / ${usd(view.open_room_short)}`}
              hint="How much may still be opened on each side before the vault holds as much skew as its loss budget covers"
              testId="room"
            />
          </dl>
        )}
      </div>
      <Alerts market={selected} />
    </>
  );
}
