/** What is under way and how it ended, for the notices at the edge of the screen. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from "react";
import type { Hash } from "viem";
import type { Sender } from "./actions";
import { usePlimsoll } from "./context";
import { explain } from "./errors";
import { StillPending } from "./receipts";
import { useSession } from "./session";
import { useWallet } from "./wallet";

export interface Note {
  id: number;
  title: string;
  text: string;
  tone: "busy" | "good" | "bad";
  hash?: Hash;
}

interface Transactions {
  notes: readonly Note[];
  isBusy: boolean;
  /** Runs `action` and tells how it goes. True if it went through or may yet. */
  run: (title: string, done: string, action: (sender: Sender) => Promise<void>) => Promise<boolean>;
  tell: (note: Omit<Note, "id">) => void;
  dismiss: (id: number) => void;
}

const Context = createContext<Transactions | null>(null);

const GOOD_MS = 6_000;
const MAX_NOTES = 4;

export function TransactionsProvider({ children }: { children: ReactNode }) {
  const plimsoll = usePlimsoll();
  const { address } = useWallet();
  const session = useSession(address);
  const queries = useQueryClient();
  const [notes, setNotes] = useState<readonly Note[]>([]);
  const [running, setRunning] = useState(0);
  const nextId = useRef(1);

  const dismiss = useCallback((id: number) => setNotes((all) => all.filter((note) => note.id !== id)), []);

  const put = useCallback(
    (note: Note) => {
      setNotes((all) => [...all.filter((other) => other.id !== note.id), note].slice(-MAX_NOTES));
      if (note.tone === "good") setTimeout(() => dismiss(note.id), GOOD_MS);
    },
    [dismiss],
  );

  const tell = useCallback(
    (note: Omit<Note, "id">) => {
      put({ ...note, id: nextId.current });
      nextId.current += 1;
    },
    [put],
  );

  const run = useCallback<Transactions["run"]>(
    async (title, done, action) => {
      const id = nextId.current;
      nextId.current += 1;
      if (address === undefined) {
        put({ id, title, text: "Connect a wallet first.", tone: "bad" });
        return false;
      }
      setRunning((count) => count + 1);
      put({ id, title, text: "Checking with the contracts.", tone: "busy" });
      let sent: Hash | undefined;
      const link = () => (sent === undefined ? {} : { hash: sent });
      try {
        await action({
          ...plimsoll,
          account: address,
          session,
          onStep: (text, hash) => {
            sent = hash ?? sent;
            put({ id, title, text, tone: "busy", ...link() });
          },
        });
        put({ id, title, text: done, tone: "good", ...link() });
        return true;
      } catch (error) {
        const isPending = error instanceof StillPending;
        put({ id, title, text: explain(error), tone: isPending ? "busy" : "bad", ...link() });
        return isPending;
      } finally {
        setRunning((count) => count - 1);
        void queries.invalidateQueries();
      }
    },
    [address, plimsoll, put, queries, session],
  );

  const value = useMemo(
    () => ({ notes, isBusy: running > 0, run, tell, dismiss }),
    [notes, running, run, tell, dismiss],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useTransactions(): Transactions {
  const transactions = useContext(Context);
  if (transactions === null) throw new Error("used outside of TransactionsProvider");
  return transactions;
}
