/** The parts of the order form that most orders leave as they are. */
import { AmountField, Choice, Toggle } from "../parts";
import type { Draft } from "./draft";

/** What the price may move against the order before it is not filled any more. */
const TOLERANCES = [
  { value: "25", text: "0.25%" },
  { value: "100", text: "1%" },
  { value: "300", text: "3%" },
  { value: "any", text: "Any" },
] as const;

const EXPIRIES = [
  { value: "3600", text: "1 h" },
  { value: "86400", text: "1 day" },
  { value: "2592000", text: "30 days" },
] as const;

interface Props {
  draft: Draft;
  mostLeverage: number;
  onChange: (changes: Partial<Draft>) => void;
}

export function Leverage({ draft, mostLeverage, onChange }: Props) {
  const leverage = Math.min(draft.leverage, mostLeverage);
  const filled = `${((leverage - 1) * 100) / Math.max(1, mostLeverage - 1)}%`;
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor="leverage">Leverage</label>
        <output htmlFor="leverage">{leverage}×</output>
      </div>
      <input
        id="leverage"
        data-testid="leverage"
        type="range"
        min={1}
        max={mostLeverage}
        step={1}
        value={leverage}
        style={{ "--filled": filled } as React.CSSProperties}
        onChange={(event) => onChange({ leverage: Number(event.target.value) })}
      />
      <div className="ticks" aria-hidden="true">
        <span>1×</span>
        <span>{Math.round(mostLeverage / 2)}×</span>
        <span>{mostLeverage}×</span>
      </div>
    </div>
  );
}

export function Options({ draft, onChange }: Omit<Props, "mostLeverage">) {
  return (
    <>
      <div className="field inline">
        <span
          className="label"
          title={
            draft.kind === "market"
              ? "The worst price to accept, away from the expected fill"
              : "The worst price to accept, away from the trigger"
          }
        >
          Slippage limit
        </span>
        <Choice
          label="Slippage"
          value={draft.tolerance}
          choices={TOLERANCES}
          onChange={(tolerance) => onChange({ tolerance })}
          className="small"
        />
      </div>
      {draft.kind !== "market" && (
        <div className="field inline">
          <span className="label">Expires in</span>
          <Choice
            label="Expiry"
            value={draft.seconds as "3600"}
            choices={EXPIRIES}
            onChange={(seconds) => onChange({ seconds })}
            className="small"
          />
        </div>
      )}
      <div className="toggles">
        <Toggle
          id="reduce-only"
          label="Reduce only"
          hint="Never opens, grows or flips a position"
          isOn={draft.isReduceOnly}
          onChange={(isReduceOnly) => onChange({ isReduceOnly, size: "" })}
        />
        {!draft.isReduceOnly && (
          <Toggle
            id="exits"
            label="Take profit / stop loss"
            hint="Placed with the order; they close the whole position, and one cancels the other"
            isOn={draft.hasExits}
            onChange={(hasExits) => onChange({ hasExits })}
          />
        )}
      </div>
      {draft.hasExits && !draft.isReduceOnly && (
        <div className="pair">
          <AmountField
            id="take-profit"
            label="Take profit at"
            unit="USD"
            placeholder="none"
            value={draft.takeProfit}
            onChange={(takeProfit) => onChange({ takeProfit })}
          />
          <AmountField
            id="stop-loss"
            label="Stop loss at"
            unit="USD"
            placeholder="none"
            value={draft.stopLoss}
            onChange={(stopLoss) => onChange({ stopLoss })}
          />
        </div>
      )}
    </>
  );
}
