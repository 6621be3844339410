/** Where a position stands in the ADL queue, why, what it would be paid, and how to stand further back. */
import { useState } from "react";
import { usePlimsoll } from "../../chain/context";
import { useQueue, type Account, type HeldPosition, type MarketState } from "../../chain/reads";
import { formatCash, formatDecimal, formatPercent, formatPrice, formatUnits, shareOf, BPS, WAD } from "../../lib/fixed";
import { bucketInWords, lightsInWords } from "../../lib/words";
import { Dialog } from "../Dialog";
import { Lights } from "../Lights";
import { Choice, Row } from "../parts";
import { LowerRank } from "./LowerRank";
import { QueuePicture } from "./QueuePicture";

const SIDES = [
  { value: "0", text: "Longs" },
  { value: "1", text: "Shorts" },
] as const;

interface Props {
  position: HeldPosition;
  market: MarketState;
  account: Account;
  onClose: () => void;
}

function Standing({ position }: { position: HeldPosition }) {
  const { rank, info } = position;
  if (rank === null) return null;
  const units = (value: bigint) => `${formatUnits(value)} ${info.symbol}`;
  return (
    <div className="standing">
      <Lights rank={rank} symbol={info.symbol} />
      <p>
        {rank.is_eligible ? (
          <b data-testid="adl-standing">
            {units(rank.units_ahead)} ahead of you, of {units(rank.units_eligible)} in the queue.
          </b>
        ) : (
          <b data-testid="adl-standing">Not in the queue.</b>
        )}{" "}
        {lightsInWords(Number(rank.lights))}
      </p>
    </div>
  );
}

function Inputs({ position, market }: { position: HeldPosition; market: MarketState }) {
  const { rank, info, view } = position;
  if (rank === null || market.view === null) return null;
  const { index_price: price, backstop_room_long, backstop_room_short } = market.view;
  const { equity_per_unit: equity, profit_per_unit: profit, units_until_reached: reach } = rank;
  // Losers face the winners of this side.
  const room = view.side === 0n ? backstop_room_short : backstop_room_long;
  const units = (value: bigint) => `${formatUnits(value)} ${info.symbol}`;
  return (
    <>
      <dl className="rows">
        <Row
          label="Profit per unit"
          value={profit > 0n ? formatPrice(profit) : "none beyond the margin"}
          hint="Equity per unit above the margin of its column: only this can ever be given up"
        />
        <Row
          label="Return on margin"
          value={profit > 0n ? formatPercent(shareOf(profit, equity - profit)) : "–"}
          hint="First factor of the score: profit per unit over the column's margin"
        />
        <Row
          label="Effective leverage"
          value={equity > 0n ? `${formatDecimal(shareOf(price, equity), 18, { places: 2 })}×` : "–"}
          hint="Second factor: price over equity per unit"
        />
        <Row
          label="Score"
          value={formatDecimal(rank.score, 18, { places: 4 })}
          hint="The product of the two; the highest goes first"
          testId="adl-score"
        />
        <Row
          label="You would be paid now"
          value={`${formatPrice(equity - rank.loss_per_unit_now)} a unit`}
          hint="Equity per unit at the index price, less what it would give up now"
          testId="adl-paid"
        />
        <Row
          label="and give up"
          value={
            rank.loss_per_unit_now === 0n ? "nothing" : `${formatPrice(rank.loss_per_unit_now)} a unit, as RECOVER`
          }
          hint="The uncovered loss of the worst bankrupt position now, after insurance; never more than your profit"
        />
        <Row
          label="Distance"
          value={rank.is_eligible ? `${units(room)} + ${units(reach)}` : "–"}
          hint={`What the vault still takes over at this price, and the units beyond that which go to those ahead of you: a step of ${formatPercent((market.params.adl_step_bps * WAD) / BPS, { places: 0 })} of each`}
          testId="adl-distance"
        />
      </dl>
      {rank.is_eligible && (
        <p className="muted">
          After {units(room)} of {view.side === 0n ? "shorts" : "longs"} are liquidated into the vault&apos;s room,{" "}
          {units(reach)} more must be before ADL reaches you.
        </p>
      )}
    </>
  );
}

function Front({ market, side }: { market: MarketState; side: bigint }) {
  const { deployment } = usePlimsoll();
  const queue = useQueue(market.info.address, side, 5n).data ?? [];
  if (queue.length === 0) return null;
  return (
    <table className="front">
      <caption className="sr">The first of the queue</caption>
      <thead>
        <tr>
          <th scope="col">Next</th>
          <th scope="col">Units</th>
          <th scope="col">Score</th>
          <th scope="col">Profit</th>
        </tr>
      </thead>
      <tbody>
        {queue.map((item, index) => (
          <tr key={item.bucket.toString()}>
            <th scope="row">
              {index + 1}. <span className="muted">{bucketInWords(item.bucket)}</span>
            </th>
            <td>{formatUnits(item.units)}</td>
            <td>{formatDecimal(item.score, 18, { places: 4 })}</td>
            <td>
              $
              {formatCash(
                (item.units * item.profit_per_unit) / 10n ** BigInt(36 - deployment.collateral.decimals),
                deployment.collateral.decimals,
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function AdlDrawer({ position, market, account, onClose }: Props) {
  const { info, view, bucket } = position;
  const [side, setSide] = useState<"0" | "1">(view.side === 0n ? "0" : "1");
  return (
    <Dialog
      title={`ADL: your ${info.symbol} ${view.side === 0n ? "long" : "short"}`}
      className="drawer"
      testId="adl-drawer"
      onClose={onClose}
    >
      <Standing position={position} />
      <Inputs position={position} market={market} />
      <LowerRank position={position} account={account} />
      <h3>The queue</h3>
      <Choice label="Queue" value={side} choices={SIDES} onChange={setSide} className="small" />
      <QueuePicture market={market} side={BigInt(side)} mine={BigInt(side) === view.side ? bucket : undefined} />
      <Front market={market} side={BigInt(side)} />
    </Dialog>
  );
}
