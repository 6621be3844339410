import { useState } from "react";
import { changeMargin, expiry, placeOrders } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import { useMarginQuote, useQuote, type Account, type HeldPosition } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { formatCash, formatUnits } from "../../lib/fixed";
import { MARKET_KIND, worstPrice } from "../../lib/orders_draft";
import { isWait, placeInWords, reasonInWords } from "../../lib/words";
import { useSettled } from "../hooks";
import { Choice, Row } from "../parts";

const WAYS = [
  { value: "margin", text: "Add margin" },
  { value: "reduce", text: "Reduce" },
] as const;

const TOLERANCE = 500n;
const SECONDS = 300n;

interface Props {
  position: HeldPosition;
  account: Account;
}

function Slider({ label, percent, onChange }: { label: string; percent: number; onChange: (percent: number) => void }) {
  return (
    <input
      type="range"
      aria-label={label}
      data-testid="lower-amount"
      min={0}
      max={100}
      value={percent}
      style={{ "--filled": `${percent}%` } as React.CSSProperties}
      onChange={(event) => onChange(Number(event.target.value))}
    />
  );
}

/** More margin lowers the score; fewer units leave less to lose. Both are tried here before they are sent. */
export function LowerRank({ position, account }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const [way, setWay] = useState<"margin" | "reduce">("margin");
  const [percent, setPercent] = useState(0);
  const { info, view } = position;
  const { run, isBusy } = useAction(`${way === "margin" ? "margin" : "close"} ${info.symbol}`);
  const part = BigInt(useSettled(percent, 120));
  const amount = (account.free * part) / 100n;
  const units = (view.units * part) / 100n;
  const delta = view.side === 0n ? -units : units;
  const moved = useMarginQuote(info.address, account.address, way === "margin" ? amount : 0n);
  const reduced = useQuote(info.address, account.address, way === "reduce" ? delta : 0n, 0n);
  const asked = way === "margin" ? moved : reduced;
  const isAsked = (way === "margin" ? amount : units) !== 0n;
  const quote = isAsked ? asked.data : undefined;
  const problem = quote?.error ?? "";
  const isTold = quote !== undefined && !asked.isPlaceholderData && part === BigInt(percent);

  const submit = async () => {
    if (way === "margin") {
      const done = `${formatCash(amount, decimals)} ${symbol} more stand behind it.`;
      await run(`Margin of ${info.symbol}`, done, (sender) => changeMargin(sender, info.address, amount));
    } else {
      const acceptable_price = worstPrice(quote?.fill_price || view.index_price, delta > 0n, TOLERANCE);
      const order = { market: info.address, kind: MARKET_KIND, size_delta: delta, margin: 0n, trigger_price: 0n };
      await run(`Reduce ${info.symbol}`, "Placed. It executes at the next published price.", async (sender) =>
        placeOrders(sender, [
          { ...order, acceptable_price, reduce_only: true, expires_at: await expiry(sender, SECONDS) },
        ]),
      );
    }
    setPercent(0);
  };

  return (
    <>
      <h3>Stand further back</h3>
      <Choice label="Lower" value={way} choices={WAYS} onChange={setWay} className="small" />
      <Slider
        label={way === "margin" ? "Part of the free balance to add" : "Part of the position to close"}
        percent={percent}
        onChange={setPercent}
      />
      <dl className="rows">
        <Row
          label={way === "margin" ? "Add" : "Close"}
          value={
            way === "margin" ? `${formatCash(amount, decimals)} ${symbol}` : `${formatUnits(units)} ${info.symbol}`
          }
        />
        {way === "reduce" && (
          <Row
            label="Paid to free balance"
            value={quote === undefined ? "–" : `${formatCash(quote.paid_out, decimals)} ${symbol}`}
          />
        )}
        <Row
          label="ADL rank after"
          value={quote === undefined || problem !== "" ? "–" : placeInWords(quote.rank, info.symbol)}
          testId="lower-rank"
        />
      </dl>
      {problem !== "" && (
        <p className="problem" role="status">
          {reasonInWords(problem)}
        </p>
      )}
      <button
        type="button"
        className="primary wide"
        data-testid="lower-confirm"
        disabled={isBusy || !isTold || (problem !== "" && !isWait(problem))}
        onClick={() => void submit()}
      >
        {way === "margin" ? "Add margin" : "Reduce at the next price"}
      </button>
    </>
  );
}
