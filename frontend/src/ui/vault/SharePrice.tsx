import { useSharePrices, type Capital } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import { formatCash, toNumber } from "../../lib/fixed";
import { Panel } from "../parts";

const WIDTH = 800;
const HEIGHT = 160;

export function SharePrice({ capital }: { capital: Capital }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const samples = useSharePrices(capital.block);
  const points =
    capital.vault === null ? samples : [...samples, { block: capital.block, price: capital.vault.share_price }];
  const prices = points.map(({ price }) => toNumber(price, decimals));
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2)
    return (
      <Panel title="Share price">
        <p className="empty">No history yet.</p>
      </Panel>
    );
  const span = Number(last.block - first.block) || 1;
  const line = points.map(({ block }, i) => {
    const x = (Number(block - first.block) * WIDTH) / span;
    const share = high === low ? 0.5 : ((prices[i] ?? low) - low) / (high - low);
    return `${x.toFixed(1)},${(HEIGHT - 8 - share * (HEIGHT - 16)).toFixed(1)}`;
  });
  const show = (price: bigint) => formatCash(price, decimals, { places: 6 });
  return (
    <Panel title="Share price" aside={<span className="hint">since block {first.block.toString()}</span>}>
      <div className="share-price">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`From ${show(first.price)} to ${show(last.price)}`}
        >
          <polyline points={line.join(" ")} fill="none" vectorEffect="non-scaling-stroke" />
        </svg>
        <span className="high">{high.toFixed(6)}</span>
        <span className="low">{low.toFixed(6)}</span>
      </div>
    </Panel>
  );
}
