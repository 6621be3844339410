import { useMemo, useState } from "react";
import { useHistory } from "../../chain/history";
import { usePrices } from "../../chain/prices";
import type { HeldPosition, MarketState } from "../../chain/reads";
import { useWallet } from "../../chain/wallet";
import { INTERVALS, chartInWords, intervalFor } from "../../lib/candles";
import { formatPrice } from "../../lib/fixed";
import type { OrderRecord } from "../../lib/orders";
import { marksByCandle } from "../../lib/marks";
import { formatInterval } from "../../lib/words";
import { Choice, Panel } from "../parts";
import { PriceChart, type Line } from "./PriceChart";

const MOST_CANDLES = 240;
/** Of candles in which others were closed. */
const MOST_MARKS = 60;
const INTERVAL_KEY = "plimsoll.interval";
const CHOICES = [
  { value: "auto", text: "Auto" },
  ...INTERVALS.map((seconds) => ({ value: `${seconds}`, text: formatInterval(seconds) })),
];

function keptChoice(): string {
  const kept = window.localStorage.getItem(INTERVAL_KEY);
  return CHOICES.find(({ value }) => value === kept)?.value ?? "auto";
}

interface Props {
  market: MarketState;
  position: HeldPosition | undefined;
  orders: readonly OrderRecord[];
}

/** Lines at what the trader waits for, marks where positions were liquidated and deleveraged; their own stand out. */
export function ChartPanel({ market, position, orders }: Props) {
  const points = usePrices(market.info.feed);
  const histories = useHistory();
  const history = histories.of(market.info.address);
  const { address } = useWallet();
  const [choice, setChoice] = useState(keptChoice);
  const fitting = intervalFor(points, MOST_CANDLES);
  const interval = choice === "auto" ? fitting : Number(choice);

  const choose = (value: string) => {
    window.localStorage.setItem(INTERVAL_KEY, value);
    setChoice(value);
  };

  const words = useMemo(() => chartInWords(points), [points]);

  const lines: Line[] = [];
  if (position !== undefined) {
    lines.push({ price: position.view.entry_price, title: "Entry", tone: "accent" });
    if (position.view.liquidation_price > 0n)
      lines.push({ price: position.view.liquidation_price, title: "Liq.", tone: "warn" });
  }
  for (const order of orders)
    if (order.outcome.status === "pending" && order.triggerPrice > 0n)
      lines.push({ price: order.triggerPrice, title: order.kind === 2n ? "Stop" : "Limit", tone: "muted" });

  const first = Number(points[0]?.publishedAt ?? 0n);
  const from = first - (first % interval);
  const hits = address === undefined ? [] : history.holdings.story(address).hits;
  const marks = useMemo(() => {
    const { feed, holdings } = histories.of(market.info.address);
    const own = address === undefined ? [] : holdings.story(address).hits;
    const mine = new Set(own.map(({ event }) => event));
    const all = feed.map(({ event }) => ({
      time: event.time,
      kind: event.eventName === "Liquidated" ? ("liquidation" as const) : ("adl" as const),
      isMine: mine.has(event),
    }));
    return marksByCandle(all, interval, from, MOST_MARKS);
  }, [histories, market.info.address, address, interval, from]);

  return (
    <Panel
      title={market.info.feedName}
      className="chart-panel"
      aside={
        <>
          <Choice label="Interval" className="small intervals" value={choice} choices={CHOICES} onChange={choose} />
          <span className="hint" data-testid="chart-span">
            Index price, {formatInterval(interval)}, UTC · <i className="key bad">▼</i> liquidation{" "}
            <i className="key accent">●</i> ADL
          </span>
        </>
      }
    >
      <PriceChart points={points} interval={interval} lines={lines} marks={marks} describedBy="chart-words" />
      <p className="sr" id="chart-words" data-testid="chart-words">
        {words} {lines.map((line) => `${line.title} ${formatPrice(line.price)}. `)}
        {history.feed.length > 0 && `${history.feed.length} liquidations and deleveragings, ${hits.length} of them yours.`}
      </p>
    </Panel>
  );
}
