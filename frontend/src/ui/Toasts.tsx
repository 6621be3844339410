import { useTransactions } from "../chain/transactions";
import { shortAddress } from "../lib/words";

export function Toasts() {
  const { notes, dismiss } = useTransactions();
  return (
    <div className="toasts" role="log" aria-live="polite" aria-label="Transactions">
      {notes.map((note) => (
        <div key={note.id} className={`toast ${note.tone}`} data-testid="toast">
          <div>
            <b>{note.title}</b>
            <p>{note.text}</p>
            {note.hash !== undefined && (
              <p className="muted" title={note.hash}>
                Transaction {shortAddress(note.hash)}
              </p>
            )}
          </div>
          <button type="button" className="ghost icon" aria-label="Dismiss" onClick={() => dismiss(note)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
