import { useState } from "react";
import { changeMargin } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import { useMarginQuote, type Account, type HeldPosition, type Quote } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { formatCash, formatLeverage, formatPrice, parseDecimal, whyNoNumber } from "../../lib/fixed";
import { placeInWords, reasonInWords } from "../../lib/words";
import { Dialog } from "../Dialog";
import { useSettled } from "../hooks";
import { AmountField, Choice, Row } from "../parts";

const WAYS = [
  { value: "add", text: "Add margin" },
  { value: "remove", text: "Take margin out" },
] as const;

interface Props {
  position: HeldPosition;
  account: Account;
  onClose: () => void;
}

/** More margin moves the liquidation price away and lowers the rank in the ADL queue; profit can be taken out. */
export function MarginDialog({ position, account, onClose }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`margin ${position.info.symbol}`);
  const [way, setWay] = useState<(typeof WAYS)[number]["value"]>("add");
  const [text, setText] = useState("");
  const { info, view, rank } = position;
  const amount = parseDecimal(text, decimals);
  const typed = amount === null ? 0n : way === "add" ? amount : -amount;
  const signed = useSettled(typed, 120);
  const quote = useMarginQuote(info.address, account.address, signed);
  const good = signed !== 0n && quote.data?.error === "" ? quote.data : undefined;
  const told = (words: (quoted: Quote) => string) => (good === undefined ? "–" : words(good));
  const cash = (value: bigint) => `${formatCash(value, decimals)} ${symbol}`;
  const problem =
    text !== "" && amount === null
      ? whyNoNumber(text, decimals, "an amount")
      : way === "add" && amount !== null && amount > account.free
        ? "Your free balance is smaller. Deposit first."
        : signed === 0n
          ? ""
          : quote.isError
            ? "The contracts cannot quote this now."
            : reasonInWords(quote.data?.error ?? "");

  const submit = async () => {
    if (amount === null) return;
    onClose();
    const done = way === "add" ? `${cash(amount)} more stand behind it.` : `${cash(amount)} are in your free balance.`;
    await run(`Margin of ${info.symbol}`, done, (sender) => changeMargin(sender, info.address, signed));
  };

  return (
    <Dialog title={`Margin of ${info.symbol}`} onClose={onClose}>
      <Choice label="Margin" value={way} choices={WAYS} onChange={setWay} />
      <AmountField
        id="margin-amount"
        label="Amount"
        unit={symbol}
        value={text}
        isBad={text !== "" && amount === null}
        describedBy={problem === "" ? undefined : "margin-problem"}
        onChange={setText}
      />
      <dl className="rows">
        <Row label="Equity" value={cash(view.equity)} />
        <Row label="Free balance" value={cash(account.free)} />
        <Row
          label="ADL rank"
          value={rank === null ? "–" : placeInWords(rank, info.symbol)}
          hint="Among the winners that ADL closes first"
        />
        <Row label="Leverage after" value={told(({ leverage }) => formatLeverage(leverage))} />
        <Row
          label="Liquidation price after"
          value={told(({ liquidation_price: price }) => (price === 0n ? "none" : formatPrice(price)))}
          testId="margin-liquidation"
        />
        <Row
          label="ADL rank after"
          value={told((quoted) => placeInWords(quoted.rank, info.symbol))}
          testId="margin-rank"
        />
      </dl>
      {problem !== "" && (
        <p className="problem" id="margin-problem" role="status" data-testid="margin-problem">
          {problem}
        </p>
      )}
      <button
        type="button"
        className="primary wide"
        data-testid="margin-confirm"
        disabled={isBusy || good === undefined || problem !== "" || quote.isPlaceholderData || signed !== typed}
        onClick={() => void submit()}
      >
        {way === "add" ? "Add margin" : "Take margin out"}
      </button>
    </Dialog>
  );
}
