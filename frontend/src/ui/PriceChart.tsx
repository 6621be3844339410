import {
  CandlestickSeries,
  LineStyle,
  createChart,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useMemo, useRef } from "react";
import { toCandles, type PricePoint } from "../lib/candles";
import { formatPrice, toNumber } from "../lib/fixed";
import { useTheme } from "./hooks";

/** The chart's own numbers are floating point; they are shown as `formatPrice` shows the real ones, cut and not rounded. */
function priceOnAxis(price: number): string {
  return Number.isFinite(price) ? formatPrice(BigInt(Math.round(price * 1e8)) * 10n ** 10n) : "";
}

interface Props {
  points: readonly PricePoint[];
  /** Seconds of one candle. */
  interval: number;
  entry: bigint | undefined;
  liquidation: bigint | undefined;
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function PriceChart({ points, interval, entry, liquidation }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<IChartApi | null>(null);
  const series = useRef<ISeriesApi<"Candlestick"> | null>(null);
  const theme = useTheme();
  const candles = useMemo(() => toCandles(points, interval), [points, interval]);

  useEffect(() => {
    if (frame.current === null) return;
    const made = createChart(frame.current, {
      autoSize: true,
      layout: {
        background: { color: "transparent" },
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
      },
      rightPriceScale: { borderVisible: false },
      localization: {
        locale: "en-US",
        priceFormatter: priceOnAxis,
      },
      timeScale: {
        borderVisible: false,
        timeVisible: true,
        secondsVisible: true,
        rightOffset: 4,
        barSpacing: 9,
        maxBarSpacing: 14,
      },
      crosshair: { mode: 0 },
    });
    chart.current = made;
    series.current = made.addSeries(CandlestickSeries, { borderVisible: false });
    return () => {
      series.current = null;
      chart.current = null;
      made.remove();
    };
  }, []);

  useEffect(() => {
    const [good, bad, text, line] = ["--good", "--bad", "--muted", "--line"].map(color);
    chart.current?.applyOptions({
      layout: { textColor: text ?? "" },
      grid: { vertLines: { color: line ?? "" }, horzLines: { color: line ?? "" } },
    });
    series.current?.applyOptions({
      upColor: good ?? "",
      downColor: bad ?? "",
      wickUpColor: good ?? "",
      wickDownColor: bad ?? "",
    });
  }, [theme]);

  useEffect(() => {
    series.current?.setData(candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp })));
  }, [candles]);

  useEffect(() => {
    const lines: IPriceLine[] = [];
    const draw = (price: bigint | undefined, title: string, tone: string) => {
      if (price === undefined || price === 0n || series.current === null) return;
      lines.push(
        series.current.createPriceLine({
          price: toNumber(price, 18),
          title,
          color: color(tone),
          lineStyle: LineStyle.Dashed,
          lineWidth: 1,
          axisLabelVisible: true,
        }),
      );
    };
    draw(entry, "Entry", "--accent");
    draw(liquidation, "Liq.", "--warn");
    return () => {
      for (const line of lines) series.current?.removePriceLine(line);
    };
  }, [entry, liquidation, theme]);

  return (
    <div className="chart">
      <div ref={frame} className="chart-frame" role="img" aria-label="Candles of the index price" />
      {candles.length === 0 && <p className="empty over">Waiting for the first price.</p>}
    </div>
  );
}
