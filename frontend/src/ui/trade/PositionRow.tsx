import { usePlimsoll } from "../../chain/context";
import { useCosts } from "../../chain/funding";
import type { HeldPosition, MarketState } from "../../chain/reads";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatLeverage, formatPercent, formatPrice, formatUnits } from "../../lib/fixed";
import { distance } from "../../lib/ticket";
import { Lights } from "../Lights";

export type Task = "close" | "margin" | "exits" | "adl";

interface Props {
  position: HeldPosition;
  market: MarketState | undefined;
  onTask: (task: Task) => void;
}

export function PositionRow({ position, market, onTask }: Props) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { isReady, address } = useWallet();
  const { view, rank, info } = position;
  const costs = useCosts(address, position, market?.view ?? null);
  const isLong = view.side === 0n;
  const cash = (value: bigint) => formatCash(value, decimals, { sign: true });
  return (
    <tr data-testid={`position-${info.symbol}`}>
      <th scope="row" data-label="Market">
        <b>{info.symbol}</b>
        <span className={isLong ? "side good" : "side bad"}>{isLong ? "Long" : "Short"}</span>
        <span className="muted">{formatLeverage(view.leverage)}</span>
      </th>
      <td data-label="Size">
        <span data-testid="position-units">
          {formatUnits(view.units)} {info.symbol}
        </span>
        <small>${formatCash(view.notional, decimals)}</small>
      </td>
      <td data-label="Entry">
        {formatPrice(view.entry_price)}
        <small title="The price of an infinitely small trade now">
          mark {market?.view ? formatPrice(market.view.mark_price) : "–"}
        </small>
      </td>
      <td data-label="Liq. price" className="warn">
        <span data-testid="position-liquidation">
          {view.liquidation_price === 0n ? "none" : formatPrice(view.liquidation_price)}
        </span>
        {view.liquidation_price > 0n && (
          <small>{formatPercent(distance(view.liquidation_price, view.index_price))} away</small>
        )}
      </td>
      <td data-label="Equity" data-testid="position-equity">
        {formatCash(view.equity, decimals)}
      </td>
      <td
        data-label="PnL"
        className={view.pnl >= 0n ? "good" : "bad"}
        title="Price against entry price, of the units left"
      >
        <span data-testid="position-pnl">{cash(view.pnl)}</span>
        <small title="Paid (−) or received (+) since the units joined; and trading fees since the opening">
          funding {costs.funding === null ? "–" : cash(-costs.funding)}, fees {cash(-costs.fees)}
        </small>
      </td>
      <td data-label="ADL">
        {rank !== null && (
          <button type="button" className="link" data-testid={`adl-${info.symbol}`} onClick={() => onTask("adl")}>
            <Lights rank={rank} symbol={info.symbol} />
          </button>
        )}
      </td>
      <td className="actions">
        <button
          type="button"
          className="ghost small"
          data-testid={`exits-${info.symbol}`}
          disabled={!isReady}
          onClick={() => onTask("exits")}
        >
          TP/SL
        </button>
        <button
          type="button"
          className="ghost small"
          data-testid={`margin-${info.symbol}`}
          disabled={!isReady}
          onClick={() => onTask("margin")}
        >
          Margin
        </button>
        <button
          type="button"
          className="ghost small"
          data-testid={`close-${info.symbol}`}
          disabled={!isReady}
          onClick={() => onTask("close")}
        >
          Close
        </button>
      </td>
    </tr>
  );
}
