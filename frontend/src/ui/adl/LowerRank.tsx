import { useState } from "react";
import { changeMargin, expiry, placeOrders } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import {
  NO_QUOTE,
  useMarginCheck,
  useQuote,
  type Account,
  type HeldPosition,
  type MarketState,
} from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { formatCash, formatUnits } from "../../lib/fixed";
import { MARKET_KIND, worstPrice } from "../../lib/orders_draft";
import { isWait, placeInWords, reasonInWords } from "../../lib/words";
import { Choice, Row } from "../parts";
import { usePlaceAfter } from "../trade/rank";

const WAYS = [
  { value: "margin", text: "Add margin" },
  { value: "reduce", text: "Reduce" },
] as const;

const TOLERANCE = 500n;
const SECONDS = 300n;

interface Props {
  position: HeldPosition;
  market: MarketState;
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
export function LowerRank({ position, market, account }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useTransactions();
  const [way, setWay] = useState<"margin" | "reduce">("margin");
  const [percent, setPercent] = useState(0);
  const { info, view } = position;
  const amount = (account.free * BigInt(percent)) / 100n;
  const units = (view.units * BigInt(percent)) / 100n;
  const delta = view.side === 0n ? -units : units;
  const check = useMarginCheck(info.address, account, way === "margin" ? amount : 0n);
  const quote = useQuote(info.address, account.address, way === "reduce" ? delta : 0n, 0n).data;
  const afterMargin = usePlaceAfter(market, position, { addMargin: amount });
  const afterReduce = usePlaceAfter(market, position, { quote: quote ?? NO_QUOTE, margin: 0n });
  const place = percent === 0 ? undefined : way === "margin" ? afterMargin : afterReduce;
  const problem = percent === 0 ? "" : way === "margin" ? (check.data ?? "") : (quote?.error ?? "");

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
            value={quote === undefined || percent === 0 ? "–" : `${formatCash(quote.paid_out, decimals)} ${symbol}`}
          />
        )}
        <Row
          label="ADL rank after"
          value={place === undefined ? "–" : placeInWords(place, info.symbol)}
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
        disabled={isBusy || percent === 0 || (problem !== "" && !isWait(problem))}
        onClick={() => void submit()}
      >
        {way === "margin" ? "Add margin" : "Reduce at the next price"}
      </button>
    </>
  );
}
