/** The order form. What it promises comes from `Lens.quote`; nothing is worked out here that the contracts can say. */
import { useEffect, useRef } from "react";
import { expiry, placeOrders } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { Account, HeldPosition, MarketState, Venue } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { BPS, WAD, abs, formatCash, formatPercent, formatPrice, formatUnits } from "../../lib/fixed";
import type { Address } from "../../lib/deployment";
import { AmountField, Choice, Panel } from "../parts";
import { ConnectButton } from "../TopBar";
import { useDraft, useOutlook, type Draft } from "./draft";
import { Leverage, Options } from "./Options";
import { Preview } from "./Preview";
import { SizeField } from "./SizeField";

const KINDS = [
  { value: "market", text: "Market" },
  { value: "limit", text: "Limit" },
  { value: "stop", text: "Stop" },
] as const;

const SIDES = [
  { value: "long", text: "Long", className: "buy" },
  { value: "short", text: "Short", className: "sell" },
] as const;

const DONE = {
  market: "Placed. It executes at the next published price.",
  limit: "Placed. It executes at the first price published from now on that reaches the limit.",
  stop: "Placed. It executes at the first price published from now on that reaches the stop.",
} as const;

/** What somebody has asked for before it was quoted. */
interface Press {
  draft: Draft;
  owner: Address | undefined;
}

interface Props {
  market: MarketState;
  venue: Venue;
  account: Account | undefined;
  position: HeldPosition | undefined;
}

export function Ticket({ market, venue, account, position }: Props) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const wallet = useWallet();
  const { run, isBusy } = useAction(`order ${market.info.symbol}`);
  const { draft, change, clear } = useDraft();
  const pressed = useRef<Press | null>(null);
  const outlook = useOutlook(draft, { market, venue, account, position });
  const { params, view, info } = market;
  const { problem, delta } = outlook;
  const canPlace = outlook.canPlace && !isBusy;

  const place = async () => {
    const isDone = await run(
      `${draft.side === "long" ? "Buy" : "Sell"} ${formatUnits(abs(delta))} ${info.symbol}`,
      DONE[draft.kind],
      async (sender) => placeOrders(sender, outlook.orders(await expiry(sender, 0n))),
    );
    if (isDone) clear(draft);
  };

  // A press between two quotes counts, if it is for what is quoted then: prices move on while a finger comes down.
  useEffect(() => {
    if (pressed.current === null) return;
    const isMeant = pressed.current.draft === draft && pressed.current.owner === wallet.address;
    if (isMeant && outlook.isQuoting) return;
    pressed.current = null;
    if (isMeant && canPlace) void place();
  });

  return (
    <Panel
      title="Order"
      className="ticket"
      aside={
        <span className="hint">
          Fees {formatPercent((params.maker_fee_bps * WAD) / BPS, { places: 2 })} /{" "}
          {formatPercent((params.taker_fee_bps * WAD) / BPS, { places: 2 })}
        </span>
      }
    >
      <form
        id="ticket"
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (canPlace) void place();
          else if (outlook.isQuoting && !isBusy) pressed.current = { draft, owner: wallet.address };
        }}
      >
        <div className="available">
          <span className="muted">Available</span>
          <span>
            <b>{account === undefined ? "–" : `${formatCash(account.free, decimals)} ${symbol}`}</b>{" "}
            {account !== undefined && (
              <button type="button" className="link" onClick={() => document.getElementById("cash-amount")?.focus()}>
                Deposit
              </button>
            )}
          </span>
        </div>
        <Choice label="Kind" value={draft.kind} choices={KINDS} onChange={(kind) => change({ kind })} />
        <Choice
          label="Side"
          value={draft.side}
          choices={SIDES}
          onChange={(side) => change({ side })}
          className="sides"
        />
        {draft.kind !== "market" && (
          <AmountField
            id="trigger"
            label={draft.kind === "limit" ? "Limit price" : "Stop price"}
            unit="USD"
            placeholder={view === null ? "0" : formatPrice(view.index_price)}
            value={draft.trigger}
            onChange={(trigger) => change({ trigger })}
          />
        )}
        <SizeField
          draft={draft}
          outlook={outlook}
          market={market}
          venue={venue}
          account={account}
          position={position}
          onChange={change}
        />
        {!draft.isReduceOnly && <Leverage draft={draft} mostLeverage={outlook.mostLeverage} onChange={change} />}
        <Options draft={draft} onChange={change} />
        <Preview outlook={outlook} market={market} isLater={draft.kind !== "market"} />
        <div className="form-action">
          {problem !== "" && (
            <p className="problem" id="ticket-problem" role="status" data-testid="ticket-problem">
              {problem}
            </p>
          )}
          {wallet.address === undefined ? (
            <ConnectButton className="primary wide" />
          ) : (
            <button
              type="submit"
              className={`wide ${draft.side === "long" ? "buy" : "sell"}`}
              data-testid="place"
              // Not `disabled`: whoever has the focus on it would lose it each time it cannot be pressed for a moment.
              aria-disabled={!canPlace}
            >
              {draft.side === "long" ? "Buy / Long" : "Sell / Short"} {info.symbol}
            </button>
          )}
        </div>
      </form>
    </Panel>
  );
}
