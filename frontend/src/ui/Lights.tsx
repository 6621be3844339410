import type { AdlRank } from "../chain/reads";
import { formatDecimal, formatUnits } from "../lib/fixed";
import { lightsInWords } from "../lib/words";

/** Five lights: how near the front of the ADL queue a position stands. The exact place is told on hover, and to screen readers. */
export function Lights({ rank, symbol }: { rank: AdlRank; symbol: string }) {
  const lit = Number(rank.lights);
  const place = rank.is_eligible
    ? `${formatUnits(rank.units_ahead)} ${symbol} ahead of you of ${formatUnits(rank.units_eligible)} ${symbol} in the queue. ` +
      `Score ${formatDecimal(rank.score, 18, { places: 4 })}.`
    : "";
  const words = `${lightsInWords(lit)} ${place}`.trim();
  return (
    <span
      className="lights"
      role="img"
      aria-label={`ADL: ${lit} of 5 lights. ${words}`}
      title={words}
      data-lights={lit}
      data-testid="lights"
    >
      {[1, 2, 3, 4, 5].map((light) => (
        <i key={light} className={light <= lit ? `lit level-${lit}` : ""} />
      ))}
    </span>
  );
}
