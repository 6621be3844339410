import {
  CandlestickSeries,
  LineStyle,
  createChart,
  createSeriesMarkers,
  type AutoscaleInfo,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useMemo, useRef } from "react";
import { rangeWithLines, toCandles, type PricePoint } from "../../lib/candles";
import { formatPrice, toNumber } from "../../lib/fixed";
import type { CandleMark } from "../../lib/marks";
import { useTheme } from "../hooks";

export interface Line {
  price: bigint;
  title: string;
  tone: "accent" | "warn" | "muted";
}

/** The chart's own numbers are floating point; they are shown as `formatPrice` shows the real ones, cut and not rounded. */
function priceOnAxis(price: number): string {
  return Number.isFinite(price) ? formatPrice(BigInt(Math.round(price * 1e8)) * 10n ** 10n) : "";
}

interface Props {
  points: readonly PricePoint[];
  /** Seconds of one candle. */
  interval: number;
  lines: readonly Line[];
  /** The same array until there are others. */
  marks: readonly CandleMark[];
  /** Id of the text that tells what is drawn. */
  describedBy: string;
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function toMarker({ time, kind, isMine }: CandleMark): SeriesMarker<Time> {
  return {
    time: time as UTCTimestamp,
    position: kind === "liquidation" ? "aboveBar" : "belowBar",
    shape: kind === "liquidation" ? "arrowDown" : "circle",
    color: color(kind === "liquidation" ? "--bad" : "--accent"),
    size: isMine ? 1.6 : 0.6,
    ...(isMine ? { text: "You" } : {}),
  };
}

export function PriceChart({ points, interval, lines, marks, describedBy }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<IChartApi | null>(null);
  const series = useRef<ISeriesApi<"Candlestick"> | null>(null);
  const markers = useRef<ISeriesMarkersPluginApi<Time> | null>(null);
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
    markers.current = createSeriesMarkers(series.current, []);
    return () => {
      series.current = null;
      markers.current = null;
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

  // oxlint-disable-next-line react/exhaustive-deps -- the theme has its part in the colours
  useEffect(() => markers.current?.setMarkers(marks.map(toMarker)), [marks, theme]);

  const lineKey = lines.map((line) => `${line.title}${line.price}`).join();
  useEffect(() => {
    const target = series.current;
    const drawn = lines.map((line) =>
      target?.createPriceLine({
        price: toNumber(line.price, 18),
        title: line.title,
        color: color(`--${line.tone}`),
        lineStyle: LineStyle.Dashed,
        lineWidth: 1,
        axisLabelVisible: true,
      }),
    );
    const prices = lines.map((line) => toNumber(line.price, 18));
    target?.applyOptions({
      autoscaleInfoProvider: (original: () => AutoscaleInfo | null) => {
        const found = original();
        if (found === null || found.priceRange === null) return found;
        const [minValue, maxValue] = rangeWithLines(found.priceRange.minValue, found.priceRange.maxValue, prices);
        return { ...found, priceRange: { minValue, maxValue } };
      },
    });
    return () => {
      for (const line of drawn) if (line !== undefined && series.current === target) target?.removePriceLine(line);
    };
    // oxlint-disable-next-line react/exhaustive-deps -- `lines` are told by their key, so that nothing is redrawn each second
  }, [lineKey, theme]);

  return (
    <div className="chart">
      <div
        ref={frame}
        className="chart-frame"
        role="group"
        aria-label="Candles of the index price"
        aria-describedby={describedBy}
      />
      {candles.length === 0 && <p className="empty over">Waiting for the first price.</p>}
    </div>
  );
}
