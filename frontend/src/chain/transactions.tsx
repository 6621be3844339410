/** What is under way and how it ended, for the notices at the edge of the screen. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from "react";
import type { Hash } from "viem";
import { withNote, type Note } from "../lib/notes";
import type { Sender } from "./actions";
import { usePlimsoll } from "./context";
import { explain } from "./errors";
import { StillPending } from "./receipts";
import { useSession } from "./session";
import { useWallet } from "./wallet";

interface Transactions {
  notes: readonly Note[];
  isBusy: (lock: string) => boolean;
  run: (lock: string, ...what: Parameters<Run>) => Promise<boolean>;
  tell: (note: Omit<Note, "id">) => void;
  /** What the wallet has not answered is waited for no longer: its button can be pressed again. */
  dismiss: (note: Note) => void;
}

/**
 * Runs `action` and tells how it goes: in its own words at the end, if it has any, else `done`. True if it went through or
 * may yet.
 */
type Run = (title: string, done: string, action: (sender: Sender) => Promise<string | void>) => Promise<boolean>;

const Context = createContext<Transactions | null>(null);

const GOOD_MS = 6_000;
const MAX_NOTES = 4;

export function TransactionsProvider({ children }: { children: ReactNode }) {
  const plimsoll = usePlimsoll();
  const { address } = useWallet();
  const session = useSession(address);
  const queries = useQueryClient();
  const [notes, setNotes] = useState<readonly Note[]>([]);
  const [running, setRunning] = useState<ReadonlyMap<number, string>>(new Map());
  const nextId = useRef(1);

  const release = useCallback(
    (id: number) => setRunning((all) => new Map([...all].filter(([other]) => other !== id))),
    [],
  );
  const remove = useCallback((id: number) => setNotes((all) => all.filter((note) => note.id !== id)), []);
  const dismiss = useCallback(
    (note: Note) => {
      remove(note.id);
      if (note.hash === undefined) release(note.id);
    },
    [release, remove],
  );

  const put = useCallback(
    (note: Note) => {
      setNotes((all) => withNote(all, note, MAX_NOTES));
      if (note.tone === "good") setTimeout(() => remove(note.id), GOOD_MS);
    },
    [remove],
  );

  const tell = useCallback(
    (note: Omit<Note, "id">) => {
      put({ ...note, id: nextId.current });
      nextId.current += 1;
    },
    [put],
  );

  const run = useCallback<Transactions["run"]>(
    async (lock, title, done, action) => {
      const id = nextId.current;
      nextId.current += 1;
      if (address === undefined) {
        put({ id, title, text: "Connect a wallet first.", tone: "bad" });
        return false;
      }
      setRunning((all) => new Map([...all, [id, `${address} ${lock}`]]));
      put({ id, title, text: "Checking with the contracts.", tone: "busy" });
      let sent: Hash | undefined;
      const link = () => (sent === undefined ? {} : { hash: sent });
      try {
        const told = await action({
          ...plimsoll,
          account: address,
          session,
          onStep: (text, hash) => {
            sent = hash ?? sent;
            put({ id, title, text, tone: "busy", ...link() });
          },
        });
        put({ id, title, text: told ?? done, tone: "good", ...link() });
        return true;
      } catch (error) {
        const isPending = error instanceof StillPending;
        put({ id, title, text: explain(error), tone: isPending ? "busy" : "bad", ...link() });
        return isPending;
      } finally {
        release(id);
        void queries.invalidateQueries();
      }
    },
    [address, plimsoll, put, queries, release, session],
  );

  const isBusy = useCallback(
    (lock: string) => [...running.values()].includes(`${address} ${lock}`),
    [address, running],
  );
  const value = useMemo(() => ({ notes, isBusy, run, tell, dismiss }), [notes, isBusy, run, tell, dismiss]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useTransactions(): Transactions {
  const transactions = useContext(Context);
  if (transactions === null) throw new Error("used outside of TransactionsProvider");
  return transactions;
}

/**
 * One thing that can be asked for, named after what it does and to what: it is busy until it is decided, and nothing else
 * waits for that. A wallet that never answers must not keep anybody from closing a position.
 */
export function useAction(lock: string): { run: Run; isBusy: boolean } {
  const { run, isBusy } = useTransactions();
  return { run: (...what) => run(lock, ...what), isBusy: isBusy(lock) };
}
