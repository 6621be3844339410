import type { ReactNode } from "react";
import { Logo } from "./Logo";

interface Props {
  title: string;
  /** A command that helps. */
  code?: string;
  isBusy?: boolean;
  children?: ReactNode;
}

/** The whole page when there is nothing to trade on. */
export function Notice({ title, code, isBusy = false, children }: Props) {
  return (
    <main className="notice" data-testid="notice" aria-busy={isBusy}>
      <Logo size={56} />
      <h1>{title}</h1>
      {children !== undefined && <p>{children}</p>}
      {code !== undefined && <pre>{code}</pre>}
    </main>
  );
}
