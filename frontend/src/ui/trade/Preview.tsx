import { usePlimsoll } from "../../chain/context";
import type { MarketState, Quote } from "../../chain/reads";
import { abs, formatCash, formatLeverage, formatPercent, formatPrice, formatUnits } from "../../lib/fixed";
import { distance } from "../../lib/ticket";
import { placeInWords } from "../../lib/words";
import { Row } from "../parts";
import type { Outlook } from "./draft";

interface Props {
  outlook: Outlook;
  market: MarketState;
  /** For a limit or a stop: what is shown is as if it executed now. */
  isLater: boolean;
}

export function Preview({ outlook, market, isLater }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  const index = market.view?.index_price ?? 0n;
  const { quote, margin, keeperFees } = outlook;
  const good = quote?.error === "" ? quote : undefined;
  const after = good?.units_after ?? 0n;
  const told = (text: (quoted: Quote) => string, isOpen = true) =>
    good === undefined || (isOpen && after === 0n) ? "–" : text(good);
  return (
    <dl className="rows preview" aria-label={isLater ? "What this order would do now" : "What this order would do"}>
      <Row
        label={isLater ? "Fill if it were now" : "Expected fill"}
        value={told((quoted) => formatPrice(quoted.fill_price), false)}
        hint="Index price and the price of the skew, at this moment. The order fills at the next price."
        testId="quote-fill"
      />
      <Row
        label="Price impact"
        value={told((quoted) => formatPercent(distance(quoted.fill_price, index), { places: 4 }), false)}
      />
      <Row label="Fee" value={told((quoted) => cash(quoted.fee), false)} testId="quote-fee" />
      <Row
        label="Margin after"
        hint="What the position is worth right after the fill"
        value={told((quoted) => cash(quoted.margin_locked), false)}
        testId="quote-margin"
      />
      <Row
        label="Keeper fee"
        value={cash(keeperFees)}
        hint="Goes to whoever executes the order; back to you if it is not filled"
      />
      {good !== undefined && good.paid_out > 0n && <Row label="Back to free balance" value={cash(good.paid_out)} />}
      <Row
        label="Position after"
        value={told(
          () =>
            after === 0n
              ? "closed"
              : `${after > 0n ? "Long" : "Short"} ${formatUnits(abs(after))} ${market.info.symbol}`,
          false,
        )}
      />
      <Row label="Leverage after" value={told((quoted) => formatLeverage(quoted.leverage))} />
      <Row
        label="Liquidation price"
        tone={good === undefined || good.liquidation_price === 0n ? undefined : "warn"}
        value={told(({ liquidation_price }) =>
          liquidation_price === 0n
            ? "none"
            : `${formatPrice(liquidation_price)} (${formatPercent(distance(liquidation_price, index))} away)`,
        )}
        testId="quote-liquidation"
      />
      <Row
        label="ADL rank after"
        value={told(({ rank }) => placeInWords(rank, market.info.symbol))}
        hint="Where the position would stand among the winners that ADL closes first"
        testId="quote-rank"
      />
      <Row label="From free balance" value={quote === undefined ? "–" : cash(margin + keeperFees)} />
    </dl>
  );
}
