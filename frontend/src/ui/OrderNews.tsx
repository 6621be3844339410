/** Tells when an order is decided, on whatever page the trader is. */
import { useCallback } from "react";
import { usePlimsoll } from "../chain/context";
import { useDecisions } from "../chain/orders";
import { useTransactions } from "../chain/transactions";
import { useWallet } from "../chain/wallet";
import { abs, formatPrice, formatUnits } from "../lib/fixed";
import type { OrderRecord } from "../lib/orders";
import { reasonInWords } from "../lib/words";

export function OrderNews() {
  const { deployment } = usePlimsoll();
  const { address } = useWallet();
  const { tell } = useTransactions();
  const onDecided = useCallback(
    (order: OrderRecord) => {
      const market = deployment.markets.find((info) => info.address.toLowerCase() === order.market.toLowerCase());
      const name = market?.symbol ?? "";
      const { outcome } = order;
      const hash = order.transaction;
      if (outcome.status === "executed") {
        const verb = outcome.unitsDelta > 0n ? "Bought" : "Sold";
        const text = `${verb} ${formatUnits(abs(outcome.unitsDelta))} ${name} at ${formatPrice(outcome.fillPrice)}.`;
        tell({ title: `Order ${order.id} executed`, text, tone: "good", hash });
      } else if (outcome.status === "failed") {
        const text = `${reasonInWords(outcome.reason)} Margin and keeper fee are back in your free balance.`;
        tell({ title: `Order ${order.id} was not filled`, text, tone: "bad", hash });
      }
    },
    [deployment, tell],
  );
  useDecisions(address, onDecided);
  return null;
}
