/** Which chain the page is on, and whether it can be used. */
import { useQuery } from "@tanstack/react-query";
import { createPublicClient, http } from "viem";
import { DeploymentError, parseDeployment, type Deployment } from "../lib/deployment";

export const DEPLOYMENTS_FILE = "/deployments/local.json";
const POLL_MS = 2_500;

export type ChainStatus =
  | { kind: "missing" }
  /** Whether there is a file is not known: its server does not answer, or has troubles of its own. */
  | { kind: "unread" }
  | { kind: "malformed"; detail: string }
  | { kind: "unreachable"; deployment: Deployment }
  | { kind: "other-chain"; deployment: Deployment; found: number }
  | { kind: "restarted"; deployment: Deployment }
  | { kind: "ready"; deployment: Deployment };

/** Null if there is none. Throws `DeploymentError` for one that is wrong, anything else if it cannot be read. */
async function fetchDeployment(): Promise<Deployment | null> {
  const response = await fetch(DEPLOYMENTS_FILE, { cache: "no-store" });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`the server says ${response.status}`);
  let json: unknown;
  try {
    json = await response.json();
  } catch (error) {
    throw error instanceof SyntaxError ? new DeploymentError("it is not JSON") : error;
  }
  return parseDeployment(json);
}

/** The file first, then whether the node it names is up and still runs the chain the file was written for. */
export async function chainStatus(): Promise<ChainStatus> {
  let deployment: Deployment | null;
  try {
    deployment = await fetchDeployment();
  } catch (error) {
    if (error instanceof DeploymentError) return { kind: "malformed", detail: error.message };
    return { kind: "unread" };
  }
  if (deployment === null) return { kind: "missing" };
  const client = createPublicClient({ transport: http(deployment.rpcUrl, { retryCount: 0, timeout: 4_000 }) });
  try {
    const [found, genesis] = await Promise.all([client.getChainId(), client.getBlock({ blockNumber: 0n })]);
    if (found !== deployment.chainId) return { kind: "other-chain", deployment, found };
    if (genesis.hash.toLowerCase() !== deployment.genesisHash.toLowerCase()) return { kind: "restarted", deployment };
    return { kind: "ready", deployment };
  } catch {
    return { kind: "unreachable", deployment };
  }
}

export function useChainStatus(): ChainStatus | undefined {
  return useQuery({
    queryKey: ["chain-status"],
    queryFn: chainStatus,
    refetchInterval: POLL_MS,
    networkMode: "always",
    retry: false,
  }).data;
}
