import { useState } from "react";
import { placeOrder } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import { useQuote, type Account, type HeldPosition } from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { formatCash, formatPrice, formatUnits } from "../../lib/fixed";
import { acceptablePrice } from "../../lib/ticket";
import { isWait, reasonInWords } from "../../lib/words";
import { Dialog } from "../Dialog";
import { Choice, Row } from "../parts";

/** In a fall a tight limit keeps a position open that its owner wants closed: "any" is one of the choices. */
const TOLERANCES = [
  { value: "100", text: "1%" },
  { value: "500", text: "5%" },
  { value: "any", text: "Any price" },
] as const;

interface Props {
  position: HeldPosition;
  account: Account;
  keeperFee: bigint;
  onClose: () => void;
}

export function CloseDialog({ position, account, keeperFee, onClose }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useTransactions();
  const [tolerance, setTolerance] = useState<(typeof TOLERANCES)[number]["value"]>("500");
  const { view, info } = position;
  const isLong = view.side === 0n;
  const delta = isLong ? -view.units : view.units;
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
    const limit = tolerance === "any" ? 0n : acceptablePrice(expected, delta > 0n, BigInt(tolerance));
    onClose();
    await run(`Close ${info.symbol}`, "Placed. It executes at the next published price.", (sender) =>
      placeOrder(sender, {
        market: info.address,
        sizeDelta: delta,
        margin: 0n,
        acceptablePrice: limit,
        isReduceOnly: true,
      }),
    );
  };

  return (
    <Dialog title={`Close ${info.symbol} ${isLong ? "long" : "short"}`} onClose={onClose}>
      <dl className="rows">
        <Row label="Size" value={`${formatUnits(view.units)} ${info.symbol}`} />
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
        disabled={isBusy || missing > 0n || (error !== "" && !isWait(error))}
        onClick={() => void submit()}
      >
        Close at the next price
      </button>
    </Dialog>
  );
}
