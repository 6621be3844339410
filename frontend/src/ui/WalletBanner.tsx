import { usePlimsoll } from "../chain/context";
import { explain } from "../chain/errors";
import { useSwitchChain, useWallet } from "../chain/wallet";

/** Stays while the wallet is somewhere else. */
export function WalletBanner() {
  const { chain, deployment } = usePlimsoll();
  const wallet = useWallet();
  const switching = useSwitchChain();
  if (wallet.address === undefined) return null;
  if (wallet.isWrongChain) {
    return (
      <div className="banner warn" role="alert" data-testid="wrong-chain">
        <span>
          Your wallet is on chain {wallet.chainId}. Plimsoll is on {chain.name} (chain {chain.id}).
          {switching.error !== null && ` ${explain(switching.error)}`}
        </span>
        <button
          type="button"
          className="primary small"
          data-testid="switch-chain"
          disabled={switching.isPending}
          onClick={() => switching.mutate({ chainId: chain.id })}
        >
          {switching.isPending ? "Confirm in your wallet" : "Switch or add the chain"}
        </button>
      </div>
    );
  }
  if (wallet.isOtherGenesis) {
    return (
      <div className="banner warn" role="alert" data-testid="other-genesis">
        Your wallet reaches another chain with the id {chain.id}, or an older run of this one. Set its node to{" "}
        {deployment.rpcUrl} and clear its activity data for this network.
      </div>
    );
  }
  return null;
}
