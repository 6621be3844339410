import { useEffect, useMemo, useRef, useState } from "react";
import { useHistory } from "../../chain/history";
import type { MarketState } from "../../chain/reads";
import { formatDecimal, formatPrice, formatUnits } from "../../lib/fixed";
import { equityOf } from "../../lib/grid";
import { drawQueue, nearest, type Cell, type Picture } from "../../lib/queue_picture";
import { bucketInWords } from "../../lib/words";
import { useTheme } from "../hooks";

const HEIGHT = 220;
const PAD = 8;
const THICK = 3;

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function paint(
  canvas: HTMLCanvasElement,
  picture: Picture,
  mine: bigint | undefined,
  chosen: bigint | undefined,
): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const ratio = window.devicePixelRatio;
  const width = canvas.clientWidth;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  context.scale(ratio, ratio);
  const [good, warn, bad, muted, line, text] = ["--good", "--accent", "--bad", "--muted", "--line", "--text"].map(
    color,
  );
  const columnWidth = (width - 2 * PAD) / Math.max(1, picture.columns.length);
  const thick = Math.min(28, Math.max(2, columnWidth - 2));
  context.strokeStyle = line ?? "";
  for (const [index] of picture.columns.entries()) {
    const x = PAD + (index + 0.5) * columnWidth;
    context.strokeRect(x, 0, 0.01, HEIGHT);
  }
  const draw = (cell: Cell) => {
    const x = PAD + cell.x * (width - 2 * PAD);
    const y = PAD + (1 - cell.y) * (HEIGHT - 2 * PAD);
    const w = Math.max(2, thick * cell.width);
    context.fillRect(x - w / 2, y - THICK / 2, w, THICK);
    return { x, y };
  };
  for (const cell of picture.cells) {
    const isNear = cell.rank > 0 && cell.rank <= Math.ceil(picture.eligible / 5);
    context.fillStyle = (cell.isLiquidatable ? bad : cell.rank === 0 ? muted : isNear ? warn : good) ?? "";
    draw(cell);
  }
  for (const cell of picture.cells) {
    if (cell.id !== mine && cell.id !== chosen) continue;
    context.fillStyle = text ?? "";
    const { x, y } = draw(cell);
    context.strokeStyle = (cell.id === mine ? warn : text) ?? "";
    context.lineWidth = 1.5;
    context.strokeRect(x - thick / 2 - 3, y - 6, thick + 6, 12);
    if (cell.id === mine) {
      context.font = "600 11px system-ui, sans-serif";
      context.fillText("you", Math.min(x + thick / 2 + 6, width - 24), y + 4);
    }
  }
}

/** One bucket: where it stands, and what it holds. */
function factsOf(cell: Cell | undefined, market: MarketState, isMine: boolean): { place: string; rest: string } {
  if (cell === undefined || market.view === null) return { place: "", rest: "Point at a bucket, or move the slider." };
  const equity = equityOf(cell.id, market.view.index_price, market.view.funding_index);
  const place =
    cell.rank > 0 ? `Number ${cell.rank} in the queue` : cell.isLiquidatable ? "To be liquidated" : "Not in the queue";
  const score = cell.rank > 0 ? `, score ${formatDecimal(cell.score, 18, { places: 4 })}` : "";
  const holds = `${formatUnits(cell.units)} ${market.info.symbol} in bucket ${bucketInWords(cell.id)}`;
  return { place, rest: `${isMine ? " (you)" : ""}: ${holds}, equity ${formatPrice(equity)} per unit${score}` };
}

interface Props {
  market: MarketState;
  side: bigint;
  mine: bigint | undefined;
}

/** Every bucket of a side, from the market's events: who is next to be deleveraged at the top, to be liquidated below. */
export function QueuePicture({ market, side, mine }: Props) {
  const history = useHistory();
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [chosen, setChosen] = useState<bigint | undefined>(undefined);
  const price = market.view?.index_price ?? 0n;
  const funding = market.view?.funding_index ?? 0n;
  const maintenanceBps = market.params.maintenance_margin_bps;
  const picture = useMemo(
    () => drawQueue(history.of(market.info.address).buckets.live.values(), side, { price, funding, maintenanceBps }),
    [history, market.info.address, side, price, funding, maintenanceBps],
  );
  useEffect(() => {
    const target = canvas.current;
    if (target === null) return;
    const repaint = () => paint(target, picture, mine, chosen);
    repaint();
    const observer = new ResizeObserver(repaint);
    observer.observe(target);
    return () => observer.disconnect();
  }, [picture, mine, chosen, theme]);

  const index = picture.cells.findIndex(({ id }) => id === chosen);
  const { place, rest } = factsOf(picture.cells[index], market, chosen !== undefined && chosen === mine);
  return (
    <div className="queue">
      <canvas
        ref={canvas}
        data-testid="queue-picture"
        data-buckets={picture.cells.length}
        role="img"
        aria-label={`${side === 0n ? "Long" : "Short"} buckets of ${market.info.symbol}, ${picture.eligible} in the queue`}
        style={{ height: HEIGHT }}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const [x, y] = [event.clientX - box.left - PAD, event.clientY - box.top - PAD];
          setChosen(nearest(picture.cells, x, y, box.width - 2 * PAD, HEIGHT - 2 * PAD)?.id);
        }}
      />
      <div className="queue-scale" aria-hidden="true">
        <span>less margin per unit</span>
        <span>more margin per unit</span>
      </div>
      <input
        type="range"
        className="steps"
        aria-label="Go through the buckets in the order of the queue"
        data-testid="queue-step"
        min={0}
        max={Math.max(0, picture.cells.length - 1)}
        value={Math.max(0, index)}
        aria-valuetext={place + rest}
        onFocus={() => setChosen(chosen ?? mine ?? picture.cells[0]?.id)}
        onChange={(event) => setChosen(picture.cells[Number(event.target.value)]?.id)}
      />
      <p className="muted" data-testid="queue-facts">
        <b>{place}</b>
        {rest}
      </p>
    </div>
  );
}
