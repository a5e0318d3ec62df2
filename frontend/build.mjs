// Builds what the installed package carries besides Python, into the folder named on the command line.
import { copyFileSync, mkdirSync, renameSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";

const API_DOCS = [
  "api-docs/index.html",
  "api-docs/start.js",
  "node_modules/swagger-ui-dist/swagger-ui.css",
  "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
];
const COUNTRY_DATABASE = "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";

/** Copies a file so that its new name appears only when it is whole, dated now for make. */
function place(source, target) {
  const unfinished = `${target}.unfinished`;
  copyFileSync(source, unfinished);
  const now = new Date();
  utimesSync(unfinished, now, now);
  renameSync(unfinished, target);
}

const [built] = process.argv.slice(2);
if (!built) {
  console.error("usage: node build.mjs FOLDER");
  process.exit(2);
}
mkdirSync(join(built, "api-docs"), { recursive: true });
for (const file of API_DOCS) {
  place(file, join(built, "api-docs", basename(file)));
}
// Last: make takes it for the whole build.
place(COUNTRY_DATABASE, join(built, "country.mmdb"));
