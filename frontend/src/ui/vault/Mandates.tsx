import type { Capital } from "../../chain/capital";
import { usePlimsoll } from "../../chain/context";
import { BPS, WAD, formatCompact, formatPercent } from "../../lib/fixed";
import { Meter, Panel } from "../parts";

/** What each market may cost the vault, and how much room that leaves. */
export function Mandates({ capital }: { capital: Capital }) {
  const { deployment } = usePlimsoll();
  const { decimals } = deployment.collateral;
  const usd = (cash: bigint) => `$${formatCompact(cash, decimals)}`;
  return (
    <Panel
      title="Mandates"
      aside={<span className="hint">What a market can cost the vault is limited in advance</span>}
    >
      <div className="scroll">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Market</th>
              <th scope="col">Loss budget left</th>
              <th scope="col">Skew held</th>
              <th scope="col">Room for trades</th>
              <th scope="col" title="What a move of the opening shock against the vault would cost it at today's skew">
                Cost of a shock
              </th>
              <th scope="col">Skew reserve</th>
              <th scope="col" title="What redemptions must leave for this market">
                Reserved
              </th>
              <th scope="col" title="What the vault can lose there in the next 24 hours, whatever happens">
                Most in a day
              </th>
            </tr>
          </thead>
          <tbody>
            {capital.mandates.map((mandate) => {
              const info = deployment.markets.find(
                ({ address }) => address.toLowerCase() === mandate.market.toLowerCase(),
              );
              const symbol = info?.symbol ?? mandate.market;
              return (
                <tr key={mandate.market} data-testid={`mandate-${symbol}`}>
                  <th scope="row" data-label="Market">
                    <b>{symbol}</b>
                    {mandate.is_settling && <span className="side bad">settling</span>}
                  </th>
                  <td data-label="Loss budget left">
                    <Meter
                      part={mandate.budget_left}
                      whole={mandate.loss_budget}
                      label={`${symbol}: loss budget left`}
                    />
                    <small>
                      {usd(mandate.budget_left)} of {usd(mandate.loss_budget)}
                    </small>
                  </td>
                  <td data-label="Skew held">
                    {usd(mandate.skew_notional)}
                    <small>{formatPercent((mandate.use_bps * WAD) / BPS)} of the limit</small>
                  </td>
                  <td data-label="Room for trades">{usd(mandate.open_room)}</td>
                  <td data-label="Cost of a shock">{usd(mandate.loss_at_open_shock)}</td>
                  <td data-label="Skew reserve">{usd(mandate.skew_reserve)}</td>
                  <td data-label="Reserved">{usd(mandate.reserved)}</td>
                  <td data-label="Most in a day">{usd(mandate.most_in_a_day)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
