import { useMemo, useState } from "react";
import { useCashRows } from "../../chain/cash";
import { usePlimsoll } from "../../chain/context";
import { useHistory } from "../../chain/history";
import type { Address } from "../../lib/deployment";
import { formatCash, formatPrice, formatUnits } from "../../lib/fixed";
import { newestFirst, rowsOf, toCsv, type HistoryRow } from "../../lib/history/rows";
import { formatTime, shortAddress } from "../../lib/words";
import { Panel } from "../parts";

const PAGE = 25;

const TONES: Partial<Record<HistoryRow["kind"], string>> = {
  buy: "good",
  sell: "bad",
  liquidated: "bad",
  deleveraged: "warn",
};

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

function Row({ row }: { row: HistoryRow }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const cash = (value: bigint) => (value === 0n ? "–" : formatCash(value, decimals, { sign: true }));
  return (
    <tr data-testid="history-row" data-kind={row.kind}>
      <th scope="row" data-label="Time">
        {row.time === 0n ? `block ${row.block}` : formatTime(row.time)}
      </th>
      <td data-label="Market">{row.market || "–"}</td>
      <td data-label="What" className={TONES[row.kind]}>
        {row.kind}
      </td>
      <td data-label="Units">{row.units === 0n ? "–" : formatUnits(row.units)}</td>
      <td data-label="Price">{row.price === 0n ? "–" : formatPrice(row.price)}</td>
      <td data-label="Fee">{row.fee === 0n ? "–" : formatCash(row.fee, decimals)}</td>
      <td data-label="Realised">{row.realised === null ? "" : cash(row.realised)}</td>
      <td data-label="Paid">{row.paid === 0n ? "–" : formatCash(row.paid, decimals)}</td>
      <td data-label="Free balance">{cash(row.cash)}</td>
      <td data-label="RECOVER">{row.claim === 0n ? "–" : formatCash(row.claim, decimals)}</td>
      <td data-label="Transaction" title={row.transaction}>
        <code>{shortAddress(row.transaction)}</code>
      </td>
    </tr>
  );
}

export function HistoryPanel({ owner }: { owner: Address }) {
  const { deployment } = usePlimsoll();
  const history = useHistory();
  const cashRows = useCashRows(owner);
  const [shown, setShown] = useState(PAGE);
  const rows = useMemo(
    () =>
      newestFirst([
        ...cashRows,
        ...deployment.markets.flatMap(({ symbol, address }) =>
          rowsOf(symbol, history.of(address).holdings.story(owner)),
        ),
      ]),
    [history, cashRows, deployment, owner],
  );
  return (
    <Panel
      title="History"
      aside={
        <button
          type="button"
          className="ghost small push"
          data-testid="csv"
          disabled={rows.length === 0}
          onClick={() => save("plimsoll-history.csv", toCsv(rows, deployment.collateral.decimals))}
        >
          Save as CSV
        </button>
      }
    >
      {rows.length === 0 ? (
        <p className="empty">{history.isRead ? "Nothing has happened yet." : "Reading the chain."}</p>
      ) : (
        <div className="scroll">
          <table className="cards">
            <thead>
              <tr>
                <th scope="col">Time (UTC)</th>
                <th scope="col">Market</th>
                <th scope="col">What</th>
                <th scope="col">Units</th>
                <th scope="col">Price</th>
                <th scope="col">Fee</th>
                <th scope="col">Realised</th>
                <th scope="col">
                  <abbr title="By a liquidation or deleveraging; it reaches the free balance when it is collected">Paid</abbr>
                </th>
                <th scope="col">Free balance</th>
                <th scope="col">RECOVER</th>
                <th scope="col">Transaction</th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, shown).map((row) => (
                <Row key={`${row.block}/${row.logIndex}/${row.kind}`} row={row} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > shown && (
        <button type="button" className="ghost wide" onClick={() => setShown(shown + PAGE)}>
          Show more of {rows.length}
        </button>
      )}
    </Panel>
  );
}
