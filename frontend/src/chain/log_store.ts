/** Logs that this browser keeps, so that a reload asks the node for what is new alone. */
import type { Hex, RpcLog } from "viem";
import type { Deployment } from "../lib/deployment";

/** All logs of one reading from block `from` up to block `to`. */
export interface Chunk {
  from: bigint;
  to: bigint;
  /** Of block `to`: as long as it is in the chain, so is everything before it. */
  hash: Hex;
  logs: RpcLog[];
}

/** Forgets rather than fails: whatever is not there is read from the chain. */
export interface LogStore {
  /** In the order of the chain, without a gap. */
  load: (name: string) => Promise<Chunk[]>;
  /** In place of the one with the same `from`. */
  save: (name: string, chunk: Chunk) => Promise<void>;
  remove: (name: string, from: bigint) => Promise<void>;
}

const DATABASE = "plimsoll.logs";
/** Raise it when what is kept changes: what is there is then thrown away. */
const VERSION = 1;
const CHUNKS = "chunks";
const OPEN_MS = 2_000;

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

/** An older page in another tab may hold on to it, and some private windows never answer. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("too late")), OPEN_MS));
  return Promise.race([answer, late]);
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, VERSION);
  request.addEventListener("upgradeneeded", () => {
    const database = request.result;
    for (const name of Array.from(database.objectStoreNames)) database.deleteObjectStore(name);
    database.createObjectStore(CHUNKS);
  });
  const database = await inTime(settle(request));
  database.addEventListener("versionchange", () => database.close());
  return database;
}

/** The chain and the contracts that logs are of: with another of them nothing that is kept is of any use. */
const sourceOf = ({ chainId, genesisHash, startBlock, contracts, markets }: Deployment): string =>
  [chainId, genesisHash, startBlock, ...Object.values(contracts), ...markets.map(({ address }) => address)].join();

function isChunk(value: unknown): value is Chunk {
  const { from, to, hash, logs } = (value ?? {}) as Partial<Chunk>;
  return typeof from === "bigint" && typeof to === "bigint" && typeof hash === "string" && Array.isArray(logs);
}

/** The browser's IndexedDB. Without one, or with a broken one, nothing is kept: nobody needs to be told. */
export class BrowserLogStore implements LogStore {
  private readonly source: string;
  private readonly database: Promise<IDBDatabase | null>;

  constructor(deployment: Deployment) {
    this.source = sourceOf(deployment);
    this.database = this.prepare();
  }

  async load(name: string): Promise<Chunk[]> {
    const values = await this.within<unknown[]>("readonly", (chunks) => chunks.getAll(this.all([name])));
    if (values === null) return [];
    // Another tab may have written between two of this one: what follows a gap is of no use.
    const broken = values.findIndex((value, i) => {
      const before = values[i - 1];
      return !isChunk(value) || (isChunk(before) && before.to + 1n !== value.from);
    });
    if (broken === -1) return values as Chunk[];
    await this.within("readwrite", (chunks) => chunks.delete(this.all([name])));
    return [];
  }

  async save(name: string, chunk: Chunk): Promise<void> {
    await this.within("readwrite", (chunks) => chunks.put(chunk, this.key(name, chunk.from)));
  }

  async remove(name: string, from: bigint): Promise<void> {
    await this.within("readwrite", (chunks) => chunks.delete(this.key(name, from)));
  }

  /** Everything of this deployment. */
  async clear(): Promise<void> {
    await this.within("readwrite", (chunks) => chunks.delete(this.all([])));
  }

  private key(name: string, from: bigint): IDBValidKey {
    return [this.source, name, Number(from)];
  }

  /** Keys that begin with `parts`: an array comes after any text and number. */
  private all(parts: string[]): IDBKeyRange {
    return IDBKeyRange.bound([this.source, ...parts], [this.source, ...parts, []]);
  }

  private async prepare(): Promise<IDBDatabase | null> {
    try {
      const database = await open().catch(async () => {
        await inTime(settle(indexedDB.deleteDatabase(DATABASE)));
        return open();
      });
      const chunks = database.transaction(CHUNKS, "readwrite").objectStore(CHUNKS);
      await settle(chunks.delete(IDBKeyRange.upperBound([this.source], true)));
      await settle(chunks.delete(IDBKeyRange.lowerBound([this.source, []], true)));
      return database;
    } catch {
      return null;
    }
  }

  private async within<T>(mode: IDBTransactionMode, ask: (chunks: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
    const database = await this.database;
    if (database === null) return null;
    try {
      return await settle(ask(database.transaction(CHUNKS, mode).objectStore(CHUNKS)));
    } catch {
      // Closed by a newer page, or full.
      return null;
    }
  }
}
