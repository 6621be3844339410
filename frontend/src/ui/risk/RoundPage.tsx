/** One ADL round: who was closed, for whom, and whether the order holds, checked here from the events alone. */
import { usePlimsoll } from "../../chain/context";
import { useHistory } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { formatCash, formatDecimal, formatPrice, formatUnits, sum } from "../../lib/fixed";
import { sideOf } from "../../lib/grid";
import { FAIR, type Given, type Liquidation, type Round } from "../../lib/history/rounds";
import { formatRoute } from "../../lib/route";
import { bucketInWords, formatClock, payersInWords } from "../../lib/words";
import { Panel } from "../parts";
import "./risk.css";

function Verdict({ round }: { round: Round }) {
  const { violation } = round;
  if (violation === undefined)
    return (
      <div className="verdict good" data-testid="verdict" data-holds="true">
        <b>✓ The order holds.</b>
        <p>
          {round.given.length} {round.given.length === 1 ? "closing was" : "closings were"} replayed in this browser
          from the market&apos;s events: every score recomputed, best score first in each step, nobody a further step
          before everybody has given the last, no more than a step, paid its equity less profit given up, exactly the
          units and the loss that were needed.
        </p>
      </div>
    );
  return (
    <div className="verdict bad" role="alert" data-testid="verdict" data-holds="false">
      <b>✗ The first rule broken: {violation.rule}.</b>
      <p>
        {violation.text} Bucket {bucketInWords(violation.event.args.bucket)}, block {violation.event.block.toString()},
        log {violation.event.logIndex}, transaction <code>{violation.event.transaction}</code>.
      </p>
    </div>
  );
}

function Losers({ closed, symbol }: { closed: readonly Liquidation[]; symbol: string }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const usd = (cash: bigint) => `$${formatCash(cash, decimals)}`;
  if (closed.length === 0)
    return (
      <p className="note">
        Nobody was liquidated against these winners. The vault held more than its trigger allows and was deleveraged at
        the index price: the winners of the heavy side lost the position and no money.
      </p>
    );
  return (
    <ul className="note list">
      {closed.map(({ args, block, logIndex }) => (
        <li key={`${block}/${logIndex}`}>
          Bucket {bucketInWords(args.bucket)}: {formatUnits(args.units)} {symbol}{" "}
          {sideOf(args.bucket) === 0n ? "long" : "short"} found no room in the vault
          {args.loss > 0n ? `; loss beyond margin ${usd(args.loss)}: ${payersInWords(args, usd)}` : ", no loss"}.
        </li>
      ))}
    </ul>
  );
}

function GivenRow({ event, number, isBroken }: { event: Given; number: number; isBroken: boolean }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { args } = event;
  return (
    <tr className={isBroken ? "is-broken" : undefined}>
      <th scope="row" data-label="#">
        {number}
      </th>
      <td data-label="Step">{args.step.toString()}</td>
      <td data-label="Score">{formatDecimal(args.score, 18, { places: 4 })}</td>
      <td data-label="Bucket">{bucketInWords(args.bucket)}</td>
      <td data-label="Units">
        {formatUnits(args.units)}
        <small>{formatUnits(args.units_left)} left</small>
      </td>
      <td data-label="Paid per unit">{formatPrice(args.paid_per_unit)}</td>
      <td data-label="Gave up per unit">{args.loss_per_unit === 0n ? "–" : formatPrice(args.loss_per_unit)}</td>
      <td data-label="Paid">${formatCash(args.paid, decimals)}</td>
      <td data-label="For">{args.for_bucket === FAIR ? "the vault" : bucketInWords(args.for_bucket)}</td>
    </tr>
  );
}

function Closings({ round }: { round: Round }) {
  return (
    <div className="scroll">
      <table className="cards">
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">Step</th>
            <th scope="col">Score</th>
            <th scope="col">Bucket</th>
            <th scope="col">Units</th>
            <th scope="col">Paid per unit</th>
            <th scope="col">Gave up per unit</th>
            <th scope="col">Paid</th>
            <th scope="col">For</th>
          </tr>
        </thead>
        <tbody>
          {round.given.map((event, index) => (
            <GivenRow
              key={`${event.block}/${event.logIndex}`}
              event={event}
              number={index + 1}
              isBroken={round.violation?.event === event}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What was read stays in this browser: whoever doubts it asks the node once more. */
function ReadAgain() {
  const { store } = usePlimsoll();
  const again = async () => {
    await store.clear();
    window.location.reload();
  };
  return (
    <button type="button" className="ghost small" data-testid="read-again" onClick={() => void again()}>
      Read the chain again
    </button>
  );
}

export function RoundPage({ venue, symbol, number }: { venue: Venue; symbol: string; number: bigint }) {
  const history = useHistory();
  const market = venue.markets.find(({ info }) => info.symbol === symbol);
  const round = market && history.of(market.info.address).rounds.all.find((each) => each.number === number);
  const back = (
    <a className="hint" href={formatRoute({ page: "risk" })}>
      All rounds
    </a>
  );
  if (round === undefined)
    return (
      <div className="stack">
        <Panel title={`ADL round ${symbol} #${number}`} aside={back}>
          <p className="empty" data-testid="round-empty">{history.isRead ? "There was no ADL in this round." : "Reading the chain."}</p>
        </Panel>
      </div>
    );
  return (
    <div className="stack">
      <Panel
        title={`ADL round ${symbol} #${number}`}
        aside={
          <>
            <span className="count">
              {formatClock(round.time)} at {formatPrice(round.price)}
            </span>
            {back}
          </>
        }
      >
        <Verdict round={round} />
        <Losers closed={round.closed} symbol={symbol} />
        <div className="note">
          <ReadAgain />
        </div>
      </Panel>
      <Panel
        title="In the order they were closed"
        aside={
          <span className="hint">
            {formatUnits(sum(round.given.map(({ args }) => args.units)))} {symbol} in all
          </span>
        }
      >
        <Closings round={round} />
      </Panel>
    </div>
  );
}
