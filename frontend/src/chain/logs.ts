/** Event logs for the screen, followed as they come. */
import { useQuery } from "@tanstack/react-query";
import { formatLog, type Log } from "viem";
import { usePlimsoll, type Plimsoll } from "./context";
import { LogScan, type LogFilter } from "./log_scan";

const POLL_MS = 1_000;
const NONE: readonly Log[] = [];

export interface Scan {
  reading: LogScan;
  logs: readonly Log[];
}

/** The first block that matters, of a chain whose newest block is given. */
export type Start = (newest: bigint) => bigint;

function begin({ client, store }: Plimsoll, start: Start, filter: LogFilter): Scan {
  const reading = new LogScan(client, store, start, filter, (logs, isAnew) => {
    scan.logs = [...(isAnew ? NONE : scan.logs), ...logs.map((log) => formatLog(log) as Log)];
  });
  const scan: Scan = { reading, logs: NONE };
  return scan;
}

async function follow(plimsoll: Plimsoll, name: string, start: Start, filter: LogFilter): Promise<readonly Log[]> {
  const scan = plimsoll.scans.get(name) ?? begin(plimsoll, start, filter);
  plimsoll.scans.set(name, scan);
  await scan.reading.read();
  return scan.logs;
}

/** The logs of `filter`, from the block that `start` gives, the same array until there are more. */
export function useLogs(name: string | null, start: Start, filter: LogFilter): readonly Log[] {
  const plimsoll = usePlimsoll();
  const { data } = useQuery({
    queryKey: ["logs", name],
    queryFn: () => (name === null ? NONE : follow(plimsoll, name, start, filter)),
    enabled: name !== null,
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
    structuralSharing: false,
  });
  return data ?? NONE;
}
