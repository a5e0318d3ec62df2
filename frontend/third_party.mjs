// The licences of the packages whose code or data is in the build.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ALLOWED = new Set(["0BSD", "Apache-2.0", "BSD-0-Clause", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"]);
const LICENCE_FILE = /^(licen[cs]e|notice|copying)/i;

/** The package that a file below node_modules belongs to; nothing for one of ours. */
function packageOf(path) {
  return /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1];
}

/** Files with licences, those of a folder of licences too. */
function textsBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => LICENCE_FILE.test(entry.name))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? readdirSync(path).sort().map((name) => join(path, name)) : [path];
    });
}

/** The text of THIRD_PARTY.txt. Throws for a package whose licence is not one that we may pass on. */
export function thirdParty(bundledFiles, copiedPackages) {
  const packages = new Set([...bundledFiles.map(packageOf).filter(Boolean), ...copiedPackages]);
  const parts = [...packages].sort().map((name) => {
    const folder = join("node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!ALLOWED.has(license)) {
      throw new Error(`${name}: its licence is ${license}; if it may be passed on, add it to third_party.mjs`);
    }
    const licences = textsBelow(folder).map((file) => readFileSync(file, "utf8").trim());
    return [`${name} ${version} (${license})`, ...licences].join("\n\n");
  });
  const line = "-".repeat(80);
  return `This folder contains parts of these packages.\n\n${parts.map((part) => `${line}\n${part}\n`).join("\n")}`;
}
