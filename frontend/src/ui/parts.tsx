/** Small parts that every panel is made of. */
import type { ReactNode } from "react";

interface StatProps {
  label: string;
  value: ReactNode;
  hint?: string;
  tone?: "good" | "bad" | "warn" | undefined;
  note?: ReactNode;
  testId?: string;
}

/** A label over a number. */
export function Stat({ label, value, hint, tone, note, testId }: StatProps) {
  return (
    <div className="stat" title={hint}>
      <dt>{label}</dt>
      <dd className={tone} data-testid={testId}>
        {value}
        {note !== undefined && <span className="note">{note}</span>}
      </dd>
    </div>
  );
}

interface RowProps {
  label: string;
  value: ReactNode;
  hint?: string;
  tone?: "good" | "bad" | "warn" | undefined;
  testId?: string;
}

/** A label beside a number. */
export function Row({ label, value, hint, tone, testId }: RowProps) {
  return (
    <div className="row" title={hint}>
      <dt>{label}</dt>
      <dd className={tone} data-testid={testId}>
        {value}
      </dd>
    </div>
  );
}

interface AmountProps {
  id: string;
  label: string;
  unit: ReactNode;
  placeholder?: string;
  value: string;
  isBad?: boolean;
  describedBy?: string | undefined;
  aside?: ReactNode;
  onChange: (text: string) => void;
}

/** A number a person types. It stays text until it is read as a bigint. */
export function AmountField(props: AmountProps) {
  const { id, label, unit, placeholder = "0", value, isBad = false, describedBy, aside, onChange } = props;
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor={id}>{label}</label>
        {aside}
      </div>
      <div className={isBad ? "input is-bad" : "input"}>
        <input
          id={id}
          data-testid={id}
          inputMode="decimal"
          autoComplete="off"
          spellCheck={false}
          placeholder={placeholder}
          value={value}
          aria-invalid={isBad}
          aria-describedby={describedBy}
          onChange={(event) => onChange(event.target.value)}
        />
        <span className="unit">{unit}</span>
      </div>
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; text: ReactNode; className?: string }[];
  onChange: (value: T) => void;
  className?: string;
}

/** A few choices side by side, one of them on. */
export function Choice<T extends string>({ label, value, choices, onChange, className = "" }: ChoiceProps<T>) {
  return (
    <fieldset className={`choice ${className}`} aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          className={choice.className}
          data-testid={`${label.toLowerCase()}-${choice.value}`}
          onClick={() => onChange(choice.value)}
        >
          {choice.text}
        </button>
      ))}
    </fieldset>
  );
}

interface ToggleProps {
  id: string;
  label: string;
  hint?: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

export function Toggle({ id, label, hint, isOn, onChange }: ToggleProps) {
  return (
    <label className="toggle" title={hint} htmlFor={id}>
      <input
        id={id}
        data-testid={id}
        type="checkbox"
        checked={isOn}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}

export function Panel({
  title,
  aside,
  children,
  className = "",
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`panel ${className}`} aria-label={title}>
      <header className="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** How much of something is left. */
export function Meter({ part, whole, label }: { part: bigint; whole: bigint; label: string }) {
  const percent = whole === 0n ? 0 : Math.min(100, Number((part * 1000n) / whole) / 10);
  return (
    <span
      className="meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
    >
      <i style={{ width: `${percent}%` }} />
    </span>
  );
}
