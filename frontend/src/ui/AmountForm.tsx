import { useState } from "react";
import { usePlimsoll } from "../chain/context";
import { useAction } from "../chain/transactions";
import type { Sender } from "../chain/actions";
import { useWallet } from "../chain/wallet";
import { formatCash, formatDecimal, parseDecimal, whyNoNumber } from "../lib/fixed";
import { AmountField } from "./parts";

interface Props {
  id: string;
  label: string;
  button: string;
  /** Undefined while unknown. */
  most: bigint | undefined;
  tooMuch: string;
  done: (amount: string) => string;
  action: (sender: Sender, amount: bigint) => Promise<void>;
}

/** One amount, one button. */
export function AmountForm({ id, label, button, most, tooMuch, done, action }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { isReady } = useWallet();
  const { run, isBusy } = useAction(`${id} ${button}`);
  const [text, setText] = useState("");
  const amount = parseDecimal(text, decimals);
  const isTooMuch = amount !== null && most !== undefined && amount > most;
  const problem =
    text === "" ? "" : amount === null ? whyNoNumber(text, decimals, "an amount") : isTooMuch ? tooMuch : "";
  const canSubmit = !isBusy && isReady && amount !== null && amount !== 0n && problem === "";
  const submit = async () => {
    if (!canSubmit) return;
    const shown = `${formatCash(amount, decimals)} ${symbol}`;
    if (await run(button, done(shown), (sender) => action(sender, amount)))
      // Unless something else has been typed since.
      setText((now) => (now === text ? "" : now));
  };
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <AmountField
        id={id}
        label={label}
        unit={symbol}
        value={text}
        isBad={problem !== ""}
        describedBy={problem === "" ? undefined : `${id}-problem`}
        onChange={setText}
        aside={
          <button
            type="button"
            className="link"
            disabled={most === undefined}
            onClick={() => setText(formatDecimal(most ?? 0n, decimals, { group: false, trim: true }))}
          >
            Max
          </button>
        }
      />
      {problem !== "" && (
        <p className="problem" id={`${id}-problem`} role="status" data-testid={`${id}-problem`}>
          {problem}
        </p>
      )}
      <button
        type="submit"
        className="primary wide"
        data-testid={`${id}-submit`}
        aria-disabled={!canSubmit}
      >
        {button}
      </button>
    </form>
  );
}
