import {
  CandlestickSeries,
  LineStyle,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useMemo, useRef } from "react";
import { toCandles, type PricePoint } from "../../lib/candles";
import { formatPrice, toNumber } from "../../lib/fixed";
import { useTheme } from "../hooks";

export interface Line {
  price: bigint;
  title: string;
  tone: "accent" | "warn" | "muted";
}

export interface Mark {
  time: bigint;
  kind: "liquidation" | "adl";
  isMine: boolean;
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
  marks: readonly Mark[];
  /** Id of the text that tells what is drawn. */
  describedBy: string;
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** One mark for each kind and candle. */
function toMarkers(marks: readonly Mark[], interval: number, first: number): SeriesMarker<Time>[] {
  const found = new Map<string, SeriesMarker<Time>>();
  for (const mark of marks) {
    const time = Number(mark.time) - (Number(mark.time) % interval);
    if (time < first) continue;
    const key = `${time}/${mark.kind}`;
    const text = mark.isMine ? "You" : found.get(key)?.text;
    found.set(key, {
      time: time as UTCTimestamp,
      position: mark.kind === "liquidation" ? "aboveBar" : "belowBar",
      shape: mark.kind === "liquidation" ? "arrowDown" : "circle",
      color: color(mark.kind === "liquidation" ? "--bad" : "--accent"),
      size: mark.isMine ? 1.6 : 0.6,
      ...(text === undefined ? {} : { text }),
    });
  }
  return [...found.values()].toSorted((a, b) => Number(a.time) - Number(b.time));
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

  const first = candles[0]?.time ?? 0;
  const markKey = marks.map((mark) => `${mark.time}${mark.kind}${mark.isMine}`).join();
  // oxlint-disable-next-line react/exhaustive-deps -- `marks` is told by its key, so that nothing is redrawn each second
  useEffect(() => markers.current?.setMarkers(toMarkers(marks, interval, first)), [markKey, interval, first, theme]);

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
    return () => {
      for (const line of drawn) if (line !== undefined && series.current === target) target?.removePriceLine(line);
    };
    // oxlint-disable-next-line react/exhaustive-deps -- likewise
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
