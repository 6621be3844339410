import { Component, type ReactNode } from "react";

interface Props {
  /** In place of the children once one of them has failed. */
  fallback: ReactNode;
  children: ReactNode;
}

/** A fault in a part of the page, or a part that does not load, is told; without this React leaves a white page. */
export class Boundary extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    return this.state.hasFailed ? this.props.fallback : this.props.children;
  }
}

/** What to do then: what did not load is asked for again by nothing less. */
export function Reload() {
  return (
    <span data-testid="broken">
      Orders, positions and balances are on the chain: nothing is lost.{" "}
      <button type="button" className="primary small" data-testid="reload" onClick={() => window.location.reload()}>
        Reload the page
      </button>
    </span>
  );
}
