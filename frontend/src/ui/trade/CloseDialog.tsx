import { useState } from "react";
import { expiry, placeOrders } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import { useQuote, type Account, type HeldPosition } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { formatCash, formatPrice, formatUnits } from "../../lib/fixed";
import { CLOSE_LONG, CLOSE_SHORT } from "../../lib/orders";
import { MARKET_KIND, worstPrice } from "../../lib/orders_draft";
import { isWait, reasonInWords } from "../../lib/words";
import { Dialog } from "../Dialog";
import { Choice, Row } from "../parts";
import { toleranceOf } from "./draft";

/** In a fall a tight limit keeps a position open that its owner wants closed: "any" is one of the choices. */
const TOLERANCES = [
  { value: "100", text: "1%" },
  { value: "500", text: "5%" },
  { value: "any", text: "Any price" },
] as const;

/** The last is a choice of its own: whatever is there when the order executes, nothing stays behind. */
const PARTS = [
  { value: "25", text: "25%" },
  { value: "50", text: "50%" },
  { value: "75", text: "75%" },
  { value: "all", text: "All" },
] as const;

const SECONDS = 300n;

interface Props {
  position: HeldPosition;
  account: Account;
  keeperFee: bigint;
  onClose: () => void;
}

export function CloseDialog({ position, account, keeperFee, onClose }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`close ${position.info.symbol}`);
  const [tolerance, setTolerance] = useState<(typeof TOLERANCES)[number]["value"]>("500");
  const [part, setPart] = useState<(typeof PARTS)[number]["value"]>("all");
  const { view, info } = position;
  const isLong = view.side === 0n;
  const units = part === "all" ? view.units : (view.units * BigInt(part)) / 100n;
  const delta = isLong ? -units : units;
  const quote = useQuote(info.address, account.address, delta, 0n);
  // A way out is never blocked for want of a quote: what may pass by itself only delays the order.
  const error = quote.data?.error ?? "";
  const expected = quote.data === undefined || quote.data.fill_price === 0n ? view.index_price : quote.data.fill_price;
  const quoted = quote.data !== undefined && error === "" ? quote.data : undefined;
  const missing = keeperFee > account.free ? keeperFee - account.free : 0n;
  const problem =
    missing > 0n
      ? `The keeper fee needs ${formatCash(missing, decimals)} ${symbol} more in your free balance. Deposit first.`
      : reasonInWords(error);
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;

  const submit = async () => {
    onClose();
    await run(`Close ${info.symbol}`, "Placed. It executes at the next published price.", async (sender) =>
      placeOrders(sender, [
        {
          market: info.address,
          kind: MARKET_KIND,
          size_delta: part !== "all" ? delta : isLong ? CLOSE_LONG : CLOSE_SHORT,
          margin: 0n,
          trigger_price: 0n,
          acceptable_price: worstPrice(expected, delta > 0n, toleranceOf(tolerance)),
          reduce_only: true,
          expires_at: await expiry(sender, SECONDS),
        },
      ]),
    );
  };

  return (
    <Dialog title={`Close ${info.symbol} ${isLong ? "long" : "short"}`} onClose={onClose}>
      <Choice label="Close-part" value={part} choices={PARTS} onChange={setPart} />
      <dl className="rows">
        <Row
          label="Size"
          value={
            part === "all" ? `all, now ${formatUnits(units)} ${info.symbol}` : `${formatUnits(units)} ${info.symbol}`
          }
        />
        <Row label="Expected fill" value={quoted === undefined ? "–" : formatPrice(quoted.fill_price)} />
        <Row label="Fee" value={quoted === undefined ? "–" : cash(quoted.fee)} />
        <Row
          label="Keeper fee"
          value={cash(keeperFee)}
          hint="Goes to whoever executes the order; back to you if it is not filled"
        />
        <Row
          label="Paid to free balance"
          value={quoted === undefined ? "–" : cash(quoted.paid_out)}
          testId="close-payout"
        />
      </dl>
      <div className="field inline">
        <span className="label">Slippage limit</span>
        <Choice
          label="Close-slippage"
          value={tolerance}
          choices={TOLERANCES}
          onChange={setTolerance}
          className="small"
        />
      </div>
      {problem !== "" && (
        <p className="problem" role="status">
          {problem}
        </p>
      )}
      <button
        type="button"
        className="primary wide"
        data-testid="close-confirm"
        disabled={isBusy || missing > 0n || units === 0n || (error !== "" && !isWait(error))}
        onClick={() => void submit()}
      >
        Close at the next price
      </button>
    </Dialog>
  );
}
