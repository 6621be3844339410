import type { Account, HeldPosition, MarketState, Venue } from "../../chain/reads";
import { usePlimsoll } from "../../chain/context";
import { abs, formatDecimal, formatUnits, notional } from "../../lib/fixed";
import { affordableSize } from "../../lib/ticket";
import { AmountField, Choice } from "../parts";
import type { Draft, Outlook } from "./draft";

const PARTS = [25n, 50n, 75n, 100n];

interface Props {
  draft: Draft;
  outlook: Outlook;
  market: MarketState;
  venue: Venue;
  account: Account | undefined;
  position: HeldPosition | undefined;
  onChange: (changes: Partial<Draft>) => void;
}

/** Size in USD or units, and shortcuts: parts of the free balance, or of the position that is to be reduced. */
export function SizeField({ draft, outlook, market, venue, account, position, onChange }: Props) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { info, view, params } = market;
  const index = view?.index_price ?? 0n;
  const isBad = draft.size !== "" && outlook.problem.startsWith("This is not a size");

  const fill = (part: bigint) => {
    if (draft.isReduceOnly) {
      const units = ((position?.view.units ?? 0n) * part) / 100n;
      onChange({ unit: "units", size: formatDecimal(units, 18, { group: false, trim: true }) });
      return;
    }
    if (account === undefined) return;
    const budget = account.free > outlook.keeperFees ? ((account.free - outlook.keeperFees) * part) / 100n : 0n;
    // A little is left for a premium and for the price moving on.
    const affordable = (affordableSize(budget, outlook.leverage, params.taker_fee_bps) * 99n) / 100n;
    onChange({ unit: "usd", size: formatDecimal(affordable, decimals, { places: 2, group: false, trim: true }) });
  };

  const other =
    outlook.delta === 0n
      ? ""
      : draft.unit === "usd"
        ? `${formatUnits(abs(outlook.delta))} ${info.symbol}`
        : `$${formatDecimal(notional(outlook.delta, index, decimals), decimals, { places: 2 })}`;
  return (
    <>
      <AmountField
        id="size"
        label="Size"
        unit={
          <Choice
            label="Unit"
            className="small"
            value={draft.unit}
            choices={[
              { value: "usd", text: "USD" },
              { value: "units", text: info.symbol },
            ]}
            onChange={(unit) => onChange({ unit, size: "" })}
          />
        }
        value={draft.size}
        isBad={isBad}
        describedBy={outlook.problem === "" ? undefined : "ticket-problem"}
        onChange={(size) => onChange({ size })}
        aside={<span className="hint">{other}</span>}
      />
      <div
        className="parts"
        role="group"
        aria-label={draft.isReduceOnly ? "Part of the position" : "Part of the free balance"}
      >
        {PARTS.map((part) => (
          <button
            key={part}
            type="button"
            className="ghost small"
            disabled={
              draft.isReduceOnly ? position === undefined : account === undefined || account.free <= venue.keeperFee
            }
            onClick={() => fill(part)}
          >
            {part.toString()}%
          </button>
        ))}
      </div>
    </>
  );
}
