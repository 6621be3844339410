/** The order form. What it promises comes from `Lens.quote`; nothing is worked out here that the contracts can say. */
import { useState } from "react";
import { placeOrder } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import { useQuote, type Account, type HeldPosition, type MarketState, type Quote, type Venue } from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import {
  BPS,
  WAD,
  abs,
  formatCash,
  formatDecimal,
  formatLeverage,
  formatPercent,
  formatPrice,
  formatUnits,
  notional,
  parseDecimal,
} from "../../lib/fixed";
import {
  acceptablePrice,
  affordableSize,
  distance,
  marginFor,
  maxLeverage,
  openingPart,
  shortfall,
  sizeDelta,
  type Side,
} from "../../lib/ticket";
import { isWait, reasonInWords } from "../../lib/words";
import { AmountField, Choice, Panel, Row } from "../parts";
import { useSettled } from "../hooks";
import { ConnectButton } from "../TopBar";

const SIDES = [
  { value: "long", text: "Long", className: "buy" },
  { value: "short", text: "Short", className: "sell" },
] as const;

/** What the price may move against the order before it is not filled any more. */
const TOLERANCES = [
  { value: "25", text: "0.25%" },
  { value: "100", text: "1%" },
  { value: "300", text: "3%" },
] as const;

const PARTS = [25n, 50n, 75n, 100n];

interface Props {
  market: MarketState;
  venue: Venue;
  account: Account | undefined;
  position: HeldPosition | undefined;
}

function Preview({
  quote,
  market,
  margin,
  keeperFee,
}: {
  quote: Quote | undefined;
  market: MarketState;
  margin: bigint;
  keeperFee: bigint;
}) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  const index = market.view?.index_price ?? 0n;
  const good = quote?.error === "" ? quote : undefined;
  const liquidation = good?.liquidation_price ?? 0n;
  const after = good?.units_after ?? 0n;
  return (
    <dl className="rows preview" aria-label="What this order would do">
      <Row
        label="Expected fill"
        value={good === undefined ? "–" : formatPrice(good.fill_price)}
        hint="Index price and the price of the skew, at this moment. The order fills at the next price."
        testId="quote-fill"
      />
      <Row
        label="Price impact"
        value={good === undefined ? "–" : formatPercent(distance(good.fill_price, index), { places: 4 })}
      />
      <Row label="Fee" value={good === undefined ? "–" : cash(good.fee)} testId="quote-fee" />
      <Row
        label="Margin after"
        hint="What the position is worth right after the fill"
        value={good === undefined ? "–" : cash(good.margin_locked)}
        testId="quote-margin"
      />
      <Row
        label="Keeper fee"
        value={cash(keeperFee)}
        hint="Goes to whoever executes the order; back to you if it is not filled"
      />
      {good !== undefined && good.paid_out > 0n && <Row label="Back to free balance" value={cash(good.paid_out)} />}
      <Row
        label="Position after"
        value={
          good === undefined
            ? "–"
            : after === 0n
              ? "closed"
              : `${after > 0n ? "Long" : "Short"} ${formatUnits(abs(after))} ${market.info.symbol}`
        }
      />
      <Row label="Leverage after" value={good === undefined || after === 0n ? "–" : formatLeverage(good.leverage)} />
      <Row
        label="Liquidation price"
        tone={liquidation === 0n ? undefined : "warn"}
        value={
          good === undefined || after === 0n
            ? "–"
            : liquidation === 0n
              ? "none"
              : `${formatPrice(liquidation)} (${formatPercent(distance(liquidation, index))} away)`
        }
        testId="quote-liquidation"
      />
      <Row label="From free balance" value={quote === undefined ? "–" : cash(margin + keeperFee)} />
    </dl>
  );
}

export function Ticket({ market, venue, account, position }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const wallet = useWallet();
  const { run, isBusy } = useTransactions();
  const [side, setSide] = useState<Side>("long");
  const [sizeText, setSizeText] = useState("");
  const [leverage, setLeverage] = useState(10);
  const [tolerance, setTolerance] = useState<(typeof TOLERANCES)[number]["value"]>("100");

  const { params, view } = market;
  const index = view?.index_price ?? 0n;
  const most = Number(maxLeverage(params.initial_margin_bps));
  const leverageWad = BigInt(Math.min(leverage, most)) * WAD;

  const size = parseDecimal(sizeText, decimals);
  const delta = useSettled(size === null ? 0n : sizeDelta(side, size, index, decimals), 120);
  const held = position === undefined ? 0n : position.view.side === 0n ? position.view.units : -position.view.units;
  const opening = openingPart(held, delta);
  const openingCash = notional(opening, index, decimals);
  // Priced without margin first: what it costs does not depend on it.
  const cost = useQuote(
    market.info.address,
    undefined,
    opening === 0n ? 0n : delta > 0n ? opening : -opening,
    openingCash,
  ).data;
  const margin = opening === 0n ? 0n : marginFor(openingCash, leverageWad, params.taker_fee_bps, cost?.premium ?? 0n);
  const quote = useQuote(market.info.address, wallet.address, delta, margin);

  const missing = account === undefined ? 0n : shortfall(margin, venue.keeperFee, account.free);
  const error = quote.data?.error ?? "";
  const isWaiting = isWait(error);
  const problem =
    sizeText !== "" && size === null
      ? "This is not a size."
      : delta === 0n
        ? ""
        : quote.isError
          ? "The contracts cannot quote this now."
          : error !== "" && !isWaiting
            ? reasonInWords(error)
            : missing > 0n
              ? `Your free balance is ${formatCash(missing, decimals)} ${symbol} short. Deposit first.`
              : reasonInWords(error);
  const canPlace =
    !isBusy &&
    wallet.isReady &&
    delta !== 0n &&
    quote.data !== undefined &&
    !quote.isPlaceholderData &&
    (problem === "" || (isWaiting && missing === 0n));

  const fill = (part: bigint) => {
    if (account === undefined) return;
    const budget = account.free > venue.keeperFee ? ((account.free - venue.keeperFee) * part) / 100n : 0n;
    // A little is left for a premium and for the price moving on.
    const affordable = (affordableSize(budget, leverageWad, params.taker_fee_bps) * 99n) / 100n;
    setSizeText(formatDecimal(affordable, decimals, { places: 2, group: false, trim: true }));
  };

  const submit = async () => {
    if (!canPlace || quote.data === undefined) return;
    const order = {
      market: market.info.address,
      sizeDelta: delta,
      margin,
      // Without a quote (the order will wait) the limit is around the index price.
      acceptablePrice: acceptablePrice(isWaiting ? index : quote.data.fill_price, delta > 0n, BigInt(tolerance)),
      isReduceOnly: false,
    };
    const isDone = await run(
      `${side === "long" ? "Buy" : "Sell"} ${formatUnits(abs(delta))} ${market.info.symbol}`,
      "Placed. It executes at the next published price.",
      (sender) => placeOrder(sender, order),
    );
    if (isDone) setSizeText("");
  };

  return (
    <Panel
      title="Market order"
      className="ticket"
      aside={
        <span className="hint">
          Fees {formatPercent((params.maker_fee_bps * WAD) / BPS, { places: 2 })} /{" "}
          {formatPercent((params.taker_fee_bps * WAD) / BPS, { places: 2 })}
        </span>
      }
    >
      <form
        id="ticket"
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div className="available">
          <span className="muted">Available</span>
          <span>
            <b>{account === undefined ? "–" : `${formatCash(account.free, decimals)} ${symbol}`}</b>{" "}
            {account !== undefined && (
              <button type="button" className="link" onClick={() => document.getElementById("cash-amount")?.focus()}>
                Deposit
              </button>
            )}
          </span>
        </div>
        <Choice label="Side" value={side} choices={SIDES} onChange={setSide} className="sides" />
        <AmountField
          id="size"
          label="Size"
          unit="USD"
          value={sizeText}
          isBad={sizeText !== "" && size === null}
          describedBy={problem === "" ? undefined : "ticket-problem"}
          onChange={setSizeText}
          aside={<span className="hint">{delta === 0n ? "" : `${formatUnits(abs(delta))} ${market.info.symbol}`}</span>}
        />
        <div className="parts" role="group" aria-label="Part of the free balance">
          {PARTS.map((part) => (
            <button
              key={part}
              type="button"
              className="ghost small"
              disabled={account === undefined || account.free === 0n}
              onClick={() => fill(part)}
            >
              {part.toString()}%
            </button>
          ))}
        </div>
        <div className="field">
          <div className="field-head">
            <label htmlFor="leverage">Leverage</label>
            <output htmlFor="leverage">{Math.min(leverage, most)}×</output>
          </div>
          <input
            id="leverage"
            data-testid="leverage"
            type="range"
            min={1}
            max={most}
            step={1}
            value={Math.min(leverage, most)}
            style={
              {
                "--filled": `${((Math.min(leverage, most) - 1) * 100) / Math.max(1, most - 1)}%`,
              } as React.CSSProperties
            }
            onChange={(event) => setLeverage(Number(event.target.value))}
          />
          <div className="ticks" aria-hidden="true">
            <span>1×</span>
            <span>{Math.round(most / 2)}×</span>
            <span>{most}×</span>
          </div>
        </div>
        <div className="field inline">
          <span className="label">Slippage limit</span>
          <Choice label="Slippage" value={tolerance} choices={TOLERANCES} onChange={setTolerance} className="small" />
        </div>
        <Preview
          quote={delta === 0n ? undefined : quote.data}
          market={market}
          margin={margin}
          keeperFee={venue.keeperFee}
        />
        {problem !== "" && (
          <p className="problem" id="ticket-problem" role="status" data-testid="ticket-problem">
            {problem}
          </p>
        )}
        {wallet.address === undefined ? (
          <ConnectButton className="primary wide" />
        ) : (
          <button
            type="submit"
            className={`wide ${side === "long" ? "buy" : "sell"}`}
            data-testid="place"
            disabled={!canPlace}
          >
            {side === "long" ? "Buy / Long" : "Sell / Short"} {market.info.symbol}
          </button>
        )}
      </form>
    </Panel>
  );
}
