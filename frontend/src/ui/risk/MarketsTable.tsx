import { usePlimsoll } from "../../chain/context";
import type { MarketState, Venue } from "../../chain/reads";
import { formatCompact, formatPercent, formatPrice, notional, shareOf } from "../../lib/fixed";
import { formatRoute } from "../../lib/route";
import { reasonInWords } from "../../lib/words";
import { Meter, Panel } from "../parts";

function State({ market }: { market: MarketState }) {
  const { view } = market;
  if (view === null) return <span className="warn">{reasonInWords(market.problem)}</span>;
  if (view.is_settling) return <span className="bad">Settling</span>;
  if (!view.is_clean) return <span className="bad">Bankrupt positions wait</span>;
  if (view.is_stale) return <span className="warn">Price too old</span>;
  if (view.is_increase_paused) return <span className="warn">Only closes</span>;
  return <span className="good">Open</span>;
}

function MarketRow({ market }: { market: MarketState }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { info, view, params } = market;
  const usd = (cash: bigint) => `$${formatCompact(cash, decimals)}`;
  if (view === null)
    return (
      <tr>
        <th scope="row">
          <b>{info.symbol}</b>
        </th>
        <td colSpan={7} className="text">
          <State market={market} />
        </td>
      </tr>
    );
  const exposure = notional(view.skew, view.index_price, decimals);
  return (
    <tr data-testid={`risk-${info.symbol}`}>
      <th scope="row" data-label="Market">
        <a className="strong" href={formatRoute({ page: "trade", symbol: info.symbol })}>
          {info.symbol}
        </a>
      </th>
      <td data-label="Index">{formatPrice(view.index_price)}</td>
      <td data-label="Long / short">
        {usd(notional(view.units_long, view.index_price, decimals))}
        <small>{usd(notional(view.units_short, view.index_price, decimals))} short</small>
      </td>
      <td data-label="Skew">
        {usd(exposure)}
        <small>{view.skew === 0n ? "balanced" : view.skew > 0n ? "long" : "short"}</small>
      </td>
      <td data-label="Loss budget left">
        <Meter part={view.budget_left} whole={params.loss_budget} label={`${info.symbol}: loss budget left`} />
        <small>
          {usd(view.budget_left)} of {usd(params.loss_budget)}
        </small>
      </td>
      <td data-label="Room to take over">
        {usd(notional(view.backstop_room_long, view.index_price, decimals))} long
        <small>{usd(notional(view.backstop_room_short, view.index_price, decimals))} short</small>
      </td>
      <td data-label="Way to fair ADL" className={exposure > view.adl_trigger ? "bad" : undefined}>
        {formatPercent(shareOf(exposure, view.adl_trigger), { places: 1 })}
        <small>of {usd(view.adl_trigger)}</small>
      </td>
      <td data-label="Insured today">{usd(market.coverable)}</td>
      <td data-label="State">
        <State market={market} />
      </td>
    </tr>
  );
}

export function MarketsTable({ venue }: { venue: Venue }) {
  return (
    <Panel title="Markets">
      <div className="scroll">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Market</th>
              <th scope="col">Index</th>
              <th scope="col">Long / short</th>
              <th scope="col">Skew</th>
              <th scope="col">Loss budget left</th>
              <th scope="col" title="Longs and shorts in liquidation that the vault still takes over">
                Room to take over
              </th>
              <th scope="col" title="The skew, of what would have the vault itself deleveraged">
                Way to fair ADL
              </th>
              <th scope="col" title="What skin in the game and insurance would pay this market at most now">
                Insured today
              </th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {venue.markets.map((market) => (
              <MarketRow key={market.info.symbol} market={market} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
