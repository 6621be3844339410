import { useLayoutEffect, useRef, type ReactNode } from "react";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  className?: string;
  testId?: string;
}

/** A modal dialog of the browser's own: it keeps the focus inside and closes on Escape. */
export function Dialog({ title, onClose, children, className = "", testId }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // Closing gives the focus back to what had it; a dialog that is only taken away would leave it nowhere.
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      data-testid={testId}
      aria-label={title}
      // The page closes it, so that nobody finds it closed and still there.
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // A browser may close it unasked. Told late: by then it may be open again, or another one in its place.
      onClose={({ currentTarget }) => currentTarget.isConnected && !currentTarget.open && onClose()}
    >
      <div className="dialog-head">
        <h2>{title}</h2>
        <button type="button" className="ghost icon" data-testid="close-dialog" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </div>
      {children}
    </dialog>
  );
}
