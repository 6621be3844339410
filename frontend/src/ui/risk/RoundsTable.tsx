import { usePlimsoll } from "../../chain/context";
import type { History } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { formatCash, formatPrice, formatUnits, sum } from "../../lib/fixed";
import { sideOf } from "../../lib/grid";
import { formatRoute } from "../../lib/route";
import { formatClock } from "../../lib/words";
import { Panel } from "../parts";

const SHOWN = 40;

/** Every ADL round, checked as it is listed. */
export function RoundsTable({ venue, history }: { venue: Venue; history: History }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const rounds = venue.markets
    .flatMap(({ info }) => history.of(info.address).rounds.all.map((round) => ({ ...round, symbol: info.symbol })))
    .toSorted((a, b) => (a.time < b.time ? 1 : -1));
  const broken = rounds.filter((round) => round.violation !== undefined).length;
  return (
    <Panel
      title="ADL rounds"
      aside={
        rounds.length > 0 && (
          <span className={broken > 0 ? "hint bad" : "hint good"} data-testid="rounds-verdict">
            {broken > 0 ? `${broken} of ${rounds.length} break a rule` : `✓ all ${rounds.length} follow the rules`}
          </span>
        )
      }
    >
      {rounds.length === 0 ? (
        <p className="empty">
          {history.isRead ? "No winner has been deleveraged yet. Each round is checked here." : "Reading the chain."}
        </p>
      ) : (
        <div className="scroll">
          <table className="rounds">
            <thead>
              <tr>
                <th scope="col">Round</th>
                <th scope="col">Time</th>
                <th scope="col">Price</th>
                <th scope="col">Closed</th>
                <th scope="col">Gave up</th>
                <th scope="col">Order</th>
              </tr>
            </thead>
            <tbody>
              {rounds.slice(0, SHOWN).map((round) => (
                <tr key={`${round.symbol}${round.number}`} data-testid={`round-${round.symbol}-${round.number}`}>
                  <th scope="row">
                    <a
                      href={formatRoute({ page: "round", symbol: round.symbol, round: round.number })}
                      data-testid={`round-${round.symbol}-${round.number}-link`}
                    >
                      <b>{round.symbol}</b> #{round.number.toString()}
                    </a>
                  </th>
                  <td>{formatClock(round.time)}</td>
                  <td>{formatPrice(round.price)}</td>
                  <td>
                    {formatUnits(sum(round.given.map(({ args }) => args.units)))}
                    <small>{round.given[0] && sideOf(round.given[0].args.bucket) === 0n ? "long" : "short"}</small>
                  </td>
                  <td>${formatCash(sum(round.given.map(({ args }) => args.claim)), decimals)}</td>
                  <td className={round.violation === undefined ? "good" : "bad"}>
                    {round.violation === undefined ? "✓ holds" : "✗ broken"}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
