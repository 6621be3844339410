import { useState } from "react";
import { expiry, placeOrders } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { Account, HeldPosition } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { formatCash, formatPrice } from "../../lib/fixed";
import { exitOrders, exitsProblem, isBadPrice, parsePrice, priceProblem } from "../../lib/orders_draft";
import { Dialog } from "../Dialog";
import { AmountField, Row } from "../parts";

const SECONDS = 30n * 86_400n;

interface Props {
  position: HeldPosition;
  account: Account;
  keeperFee: bigint;
  onClose: () => void;
}

/** A take-profit, a stop-loss or both for a position that is there. When one of two fills the other is cancelled. */
export function ExitsDialog({ position, account, keeperFee, onClose }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`exits ${position.info.symbol}`);
  const [profitText, setProfit] = useState("");
  const [lossText, setLoss] = useState("");
  const { info, view } = position;
  const side = view.side === 0n ? "long" : "short";
  const takeProfit = parsePrice(profitText);
  const stopLoss = parsePrice(lossText);
  const count = BigInt(exitOrders(info.address, side, { takeProfit, stopLoss }, 0n).length);
  const fees = keeperFee * count;
  const problem =
    priceProblem(profitText, lossText) ||
    exitsProblem(side, view.index_price, { takeProfit, stopLoss }) ||
    (fees > account.free ? "Your free balance does not cover the keeper fees. Deposit first." : "");

  const submit = async () => {
    onClose();
    await run(
      `Exits of ${info.symbol}`,
      "Placed. They close the whole position when they are reached.",
      async (sender) =>
        placeOrders(sender, exitOrders(info.address, side, { takeProfit, stopLoss }, await expiry(sender, SECONDS))),
    );
  };

  return (
    <Dialog title={`Take profit, stop loss: ${info.symbol} ${side}`} onClose={onClose}>
      <dl className="rows">
        <Row label="Index price" value={formatPrice(view.index_price)} />
        <Row label="Entry" value={formatPrice(view.entry_price)} />
        <Row
          label="Liquidation price"
          value={view.liquidation_price === 0n ? "none" : formatPrice(view.liquidation_price)}
        />
        <Row label="Keeper fees" value={`${formatCash(fees, decimals)} ${symbol}`} />
      </dl>
      <AmountField
        id="position-take-profit"
        label="Take profit at"
        unit="USD"
        placeholder="none"
        value={profitText}
        isBad={isBadPrice(profitText)}
        onChange={setProfit}
      />
      <AmountField
        id="position-stop-loss"
        label="Stop loss at"
        unit="USD"
        placeholder="none"
        value={lossText}
        isBad={isBadPrice(lossText)}
        onChange={setLoss}
      />
      <p className="muted">
        They stand for your {info.symbol} position, not for one opening of it: cancel them if you close by hand.
      </p>
      {problem !== "" && (
        <p className="problem" role="status" data-testid="exits-problem">
          {problem}
        </p>
      )}
      <button
        type="button"
        className="primary wide"
        data-testid="exits-confirm"
        disabled={isBusy || count === 0n || problem !== ""}
        onClick={() => void submit()}
      >
        Place {count === 2n ? "both" : ""}
      </button>
    </Dialog>
  );
}
