/** Where losses go: what stands behind the traders now, and what has happened. */
import { useHistory } from "../../chain/history";
import type { Venue } from "../../chain/reads";
import { Feed } from "./Feed";
import { MarketsTable } from "./MarketsTable";
import { RoundsTable } from "./RoundsTable";
import { Waterfall } from "./Waterfall";
import "./risk.css";

export function RiskPage({ venue }: { venue: Venue }) {
  const history = useHistory();
  return (
    <div className="stack">
      <Waterfall venue={venue} history={history} />
      <MarketsTable venue={venue} />
      <div className="two">
        <Feed venue={venue} history={history} />
        <RoundsTable venue={venue} history={history} />
      </div>
    </div>
  );
}
