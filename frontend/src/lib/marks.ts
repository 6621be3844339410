/** Marks on a chart where positions were closed against their owners' will. */

export interface Mark {
  time: bigint;
  kind: "liquidation" | "adl";
  isMine: boolean;
}

/** One for each candle and kind, in the order of time. */
export interface CandleMark {
  time: number;
  kind: Mark["kind"];
  isMine: boolean;
}

/** From the candle at `first` on. Of other people's the newest `most` candles are marked, of the trader's own every one. */
export function marksByCandle(marks: readonly Mark[], seconds: number, first: number, most: number): CandleMark[] {
  const found = new Map<string, CandleMark>();
  for (const { time: at, kind, isMine } of marks) {
    const time = Number(at) - (Number(at) % seconds);
    if (time < first) continue;
    const key = `${time}/${kind}`;
    found.set(key, { time, kind, isMine: isMine || found.get(key)?.isMine === true });
  }
  const all = [...found.values()].toSorted((a, b) => a.time - b.time);
  const others = new Set(all.filter(({ isMine }) => !isMine).slice(-most));
  return all.filter((mark) => mark.isMine || others.has(mark));
}
