import { useState } from "react";
import { collect } from "../../chain/actions";
import { usePlimsoll } from "../../chain/context";
import type { Account, HeldPosition, Venue } from "../../chain/reads";
import { useAction } from "../../chain/transactions";
import { useWallet } from "../../chain/wallet";
import { formatCash } from "../../lib/fixed";
import { AdlDrawer } from "../adl/AdlDrawer";
import { Panel } from "../parts";
import { CloseDialog } from "./CloseDialog";
import { ExitsDialog } from "./ExitsDialog";
import { MarginDialog } from "./MarginDialog";
import { PositionRow, type Task } from "./PositionRow";

function Owed({ position }: { position: HeldPosition }) {
  const { deployment } = usePlimsoll();
  const { symbol, decimals } = deployment.collateral;
  const { run, isBusy } = useAction(`collect ${position.info.symbol}`);
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

interface OpenTask {
  task: Task;
  symbol: string;
  side: bigint;
}

interface DialogProps {
  task: Task;
  position: HeldPosition;
  account: Account;
  venue: Venue;
  onClose: () => void;
}

function TaskDialog({ task, position, account, venue, onClose }: DialogProps) {
  const market = venue.markets.find(({ info }) => info.symbol === position.info.symbol);
  if (market === undefined) return null;
  const common = { position, account, keeperFee: venue.keeperFee, onClose };
  switch (task) {
    case "close":
      return <CloseDialog {...common} />;
    case "exits":
      return <ExitsDialog {...common} />;
    case "margin":
      return <MarginDialog position={position} account={account} onClose={onClose} />;
    case "adl":
      return <AdlDrawer position={position} market={market} account={account} onClose={onClose} />;
  }
}

export function Positions({ account, venue }: { account: Account | undefined; venue: Venue }) {
  const [task, setTask] = useState<OpenTask | null>(null);
  const held = account?.positions ?? [];
  const open = held.filter((position) => position.view.units > 0n);
  const target = open.find(({ info, view }) => info.symbol === task?.symbol && view.side === task.side);
  // What was begun about a position ends with it: another one of the same market must not find it half done.
  if (task !== null && target === undefined) setTask(null);
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
                  market={venue.markets.find(({ info }) => info.symbol === position.info.symbol)}
                  onTask={(chosen) =>
                    setTask({ task: chosen, symbol: position.info.symbol, side: position.view.side })
                  }
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {task !== null && target !== undefined && account !== undefined && (
        <TaskDialog
          task={task.task}
          position={target}
          account={account}
          venue={venue}
          onClose={() => setTask(null)}
        />
      )}
    </Panel>
  );
}
