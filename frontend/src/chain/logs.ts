/** Event logs for the screen, followed as they come. */
import { useQuery } from "@tanstack/react-query";
import { formatLog, type Log, type RpcLog } from "viem";
import { usePlimsoll, type Plimsoll } from "./context";
import { LogScan, type LogFilter } from "./log_scan";

const POLL_MS = 1_000;
const NONE: readonly never[] = [];

/** What logs say. Each is decoded once, when it comes: with all of them at each new one a page grows slower by the minute. */
export class Gathered<T> {
  items: readonly T[] = NONE;

  /** Of more than `most` the oldest go. */
  constructor(
    private readonly decode: (logs: Log[]) => readonly T[],
    private readonly most: number,
  ) {}

  /** Those that come `isAnew` are all there are. */
  take(logs: readonly RpcLog[], isAnew: boolean): void {
    const found = this.decode(logs.map((log) => formatLog(log) as Log));
    this.items = [...(isAnew ? NONE : this.items), ...found].slice(-this.most);
  }
}

export interface Scan {
  reading: LogScan;
  gathered: Gathered<unknown>;
}

/** The first block that matters, of a chain whose newest block is given. */
export type Start = (newest: bigint) => bigint;

interface Wanted<T> {
  start: Start;
  filter: LogFilter;
  decode: (logs: Log[]) => readonly T[];
  most: number;
}

function begin<T>({ client, store }: Plimsoll, { start, filter, decode, most }: Wanted<T>): Scan {
  const gathered = new Gathered<unknown>(decode, most);
  const reading = new LogScan(client, store, start, filter, (logs, isAnew) => gathered.take(logs, isAnew));
  return { reading, gathered };
}

async function follow<T>(plimsoll: Plimsoll, name: string, wanted: Wanted<T>): Promise<readonly T[]> {
  const scan = plimsoll.scans.get(name) ?? begin(plimsoll, wanted);
  plimsoll.scans.set(name, scan);
  await scan.reading.read();
  return scan.gathered.items as readonly T[];
}

/** Undefined until they are read. */
function useGathered<T>(name: string | null, wanted: Wanted<T>): readonly T[] | undefined {
  const plimsoll = usePlimsoll();
  const { data } = useQuery({
    queryKey: ["logs", name],
    queryFn: () => (name === null ? NONE : follow(plimsoll, name, wanted)),
    enabled: name !== null,
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
    structuralSharing: false,
  });
  return data;
}

/** What the logs of a filter say, the same array until there are more. One name, one way to decode. */
export function useDecodedLogs<T>(name: string | null, wanted: Wanted<T>): readonly T[] {
  return useGathered(name, wanted) ?? NONE;
}

/** The logs of `filter` themselves, from the block that `start` gives, for few of them; undefined until they are read. */
export function useReadLogs(name: string | null, start: Start, filter: LogFilter): readonly Log[] | undefined {
  return useGathered(name, { start, filter, decode: (logs) => logs, most: Number.POSITIVE_INFINITY });
}

/** The same, none while they are not read. */
export function useLogs(name: string | null, start: Start, filter: LogFilter): readonly Log[] {
  return useReadLogs(name, start, filter) ?? NONE;
}
