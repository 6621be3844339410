// Writes src/generated/abis.ts from the compiled contracts, so that a renamed function is a type error here.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FRONTEND = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCE = process.env.PLIMSOLL_ABI_DIR ?? join(FRONTEND, "..", "build", "abi");
const TARGET = join(FRONTEND, "src", "generated", "abis.ts");

/** The contracts the page talks to, and no others: each ABI costs bytes in the bundle. */
const CONTRACTS = [
  "CapitalLens",
  "CollateralToken",
  "InsuranceFund",
  "Lens",
  "MarginPool",
  "Market",
  "OrderBook",
  "PriceFeed",
  "Vault",
];

const missing = CONTRACTS.filter((name) => !existsSync(join(SOURCE, `${name}.json`)));
if (missing.length > 0) {
  console.error(
    `no ABI of ${missing.join(", ")} in build/abi: run "python -m plimsoll.artifacts" in the repository first`,
  );
  process.exit(1);
}

const constant = (name) => `${name[0].toLowerCase()}${name.slice(1)}Abi`;
const parts = CONTRACTS.map((name) => {
  const document = JSON.parse(readFileSync(join(SOURCE, `${name}.json`), "utf8"));
  const abi = Array.isArray(document) ? document : document.abi;
  if (!Array.isArray(abi)) {
    console.error(`build/abi/${name}.json holds no ABI`);
    process.exit(1);
  }
  const used = abi.filter((entry) => entry.type !== "constructor" && entry.type !== "fallback");
  return `export const ${constant(name)} = ${JSON.stringify(used)} as const;\n`;
});
const text = `// Generated from build/abi by scripts/generate-abis.mjs. Do not edit.\n${parts.join("\n")}`;
if (!existsSync(TARGET) || readFileSync(TARGET, "utf8") !== text) {
  mkdirSync(dirname(TARGET), { recursive: true });
  writeFileSync(TARGET, text);
}
