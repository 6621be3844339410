import { useState } from "react";
import { collect } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { Account, HeldPosition, Venue } from "../../chain/reads";
import { useTransactions } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash, formatLeverage, formatPercent, formatPrice, formatUnits } from "../../lib/fixed";
import { distance } from "../../lib/ticket";
import { CloseDialog } from "./CloseDialog";
import { Lights } from "../Lights";
import { Panel } from "../parts";

function Owed({ position }: { position: HeldPosition }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useTransactions();
  const { isReady } = useWallet();
  const { view, info } = position;
  if (view.cash_owed === 0n && view.claim_owed === 0n) return null;
  return (
    <div className="owed" data-testid={`owed-${info.symbol}`}>
      <span>
        A liquidation or deleveraging in {info.symbol} owes you{" "}
        <b>
          {formatCash(view.cash_owed, decimals)} {symbol}
        </b>
        {view.claim_owed > 0n && (
          <>
            {" "}
            and <b>{formatCash(view.claim_owed, decimals)} RECOVER</b>
          </>
        )}
        .
      </span>
      <button
        type="button"
        className="primary small"
        data-testid={`collect-${info.symbol}`}
        disabled={isBusy || !isReady}
        onClick={() =>
          void run(`Collect from ${info.symbol}`, "It is in your free balance.", (sender) =>
            collect(sender, info.address),
          )
        }
      >
        Collect
      </button>
    </div>
  );
}

function PositionRow({ position, onClose }: { position: HeldPosition; onClose: () => void }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const { isReady } = useWallet();
  const { view, rank, info } = position;
  const isLong = view.side === 0n;
  return (
    <tr data-testid={`position-${info.symbol}`}>
      <th scope="row" data-label="Market">
        <b>{info.symbol}</b>
        <span className={isLong ? "side good" : "side bad"}>{isLong ? "Long" : "Short"}</span>
        <span className="muted">{formatLeverage(view.leverage)}</span>
      </th>
      <td data-label="Size">
        <span data-testid="position-units">
          {formatUnits(view.units)} {info.symbol}
        </span>
        <small>${formatCash(view.notional, decimals)}</small>
      </td>
      <td data-label="Entry">{formatPrice(view.entry_price)}</td>
      <td data-label="Index">{formatPrice(view.index_price)}</td>
      <td data-label="Liq. price" className="warn">
        <span data-testid="position-liquidation">
          {view.liquidation_price === 0n ? "none" : formatPrice(view.liquidation_price)}
        </span>
        {view.liquidation_price > 0n && (
          <small>{formatPercent(distance(view.liquidation_price, view.index_price))} away</small>
        )}
      </td>
      <td data-label="Equity" data-testid="position-equity">
        {formatCash(view.equity, decimals)}
      </td>
      <td
        data-label="PnL"
        className={view.pnl >= 0n ? "good" : "bad"}
        data-testid="position-pnl"
        title="Price and funding since entry, of the units left"
      >
        {formatCash(view.pnl, decimals, { sign: true })}
      </td>
      <td data-label="ADL">{rank !== null && <Lights rank={rank} symbol={info.symbol} />}</td>
      <td className="actions">
        <button
          type="button"
          className="ghost small"
          data-testid={`close-${info.symbol}`}
          disabled={!isReady}
          onClick={onClose}
        >
          Close
        </button>
      </td>
    </tr>
  );
}

export function Positions({ account, venue }: { account: Account | undefined; venue: Venue }) {
  const [closing, setClosing] = useState<string | null>(null);
  const held = account?.positions ?? [];
  const open = held.filter((position) => position.view.units > 0n);
  const target = open.find((position) => position.info.symbol === closing);
  return (
    <Panel
      title="Positions"
      aside={open.length > 0 && <span className="count">{open.length}</span>}
      className="positions"
    >
      {held.map((position) => (
        <Owed key={position.info.symbol} position={position} />
      ))}
      {open.length === 0 ? (
        <p className="empty">
          {account === undefined ? "Connect a wallet to see your positions." : "No open positions."}
        </p>
      ) : (
        <div className="scroll">
          <table className="cards">
            <thead>
              <tr>
                <th scope="col">Market</th>
                <th scope="col">Size</th>
                <th scope="col">Entry</th>
                <th scope="col">Index</th>
                <th scope="col">Liq. price</th>
                <th scope="col">Equity</th>
                <th scope="col">PnL</th>
                <th scope="col">
                  <abbr title="Auto-deleveraging: how near the front of the queue">ADL</abbr>
                </th>
                <th scope="col">
                  <span className="sr">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {open.map((position) => (
                <PositionRow
                  key={position.info.symbol}
                  position={position}
                  onClose={() => setClosing(position.info.symbol)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {target !== undefined && account !== undefined && (
        <CloseDialog position={target} account={account} keeperFee={venue.keeperFee} onClose={() => setClosing(null)} />
      )}
    </Panel>
  );
}
