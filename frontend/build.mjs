// Builds what the installed package carries besides Python, into the folder named on the command line:
//   web/           scripts and styles of the pages, with the hash of their content in their names; manifest.json
//   api-docs/      the page of the HTTP API
//   country.mmdb   the country database
// With `--watch`, builds web/ again after every change of src/.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, watch, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { thirdParty } from "./third_party.mjs";

const ENTRIES = ["main.ts", "charts/time-series.ts", "charts/forms.ts", "sql.ts", "style/main.css"];
const IMAGES = "src/images";

const API_DOCS = [
  "api-docs/index.html",
  "api-docs/start.js",
  "node_modules/swagger-ui-dist/swagger-ui.css",
  "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
];
const COUNTRY_DATABASE = "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
const COPIED_PACKAGES = ["swagger-ui-dist", "@ip-location-db/geo-whois-asn-country-mmdb"];

/** Copies a file so that its new name appears only when it is whole, dated now for make. */
function place(source, target) {
  const unfinished = `${target}.unfinished`;
  copyFileSync(source, unfinished);
  const now = new Date();
  utimesSync(unfinished, now, now);
  renameSync(unfinished, target);
}

/** Scripts and styles in memory, and what went into them. */
async function bundle() {
  return await build({
    entryPoints: ENTRIES.map((entry) => join("src", entry)),
    outdir: "web",
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["es2022", "chrome111", "firefox114", "safari16.4"],
    minify: true,
    charset: "utf8",
    legalComments: "none", // THIRD_PARTY.txt has the licences
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    assetNames: "[name]-[hash]",
    logLevel: "warning",
  });
}

/** All files of web/ by their names, and the manifest: for each name of a source what it is called now. */
async function webFiles() {
  const { outputFiles, metafile } = await bundle();
  const files = new Map(outputFiles.map((file) => [basename(file.path), Buffer.from(file.contents)]));
  const manifest = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint) {
      const extension = extname(path);
      const source = basename(output.entryPoint, extname(output.entryPoint)) + extension;
      manifest[source] = { file: basename(path), imports: staticImports(metafile.outputs, path) };
    }
  }
  for (const name of existsSync(IMAGES) ? readdirSync(IMAGES).sort() : []) {
    const content = readFileSync(join(IMAGES, name));
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
    const file = `${basename(name, extname(name))}-${hash}${extname(name)}`;
    files.set(file, content);
    manifest[name] = { file, imports: [] };
  }
  const bundled = Object.keys(metafile.inputs);
  return { files, manifest, notice: thirdParty(bundled, COPIED_PACKAGES) };
}

/** What a script loads before it runs, and what that loads: not what it asks for later. */
function staticImports(outputs, path, found = new Set()) {
  for (const { path: imported, kind } of outputs[path].imports) {
    if (kind === "import-statement" && !found.has(basename(imported))) {
      found.add(basename(imported));
      staticImports(outputs, imported, found);
    }
  }
  return [...found].sort();
}

function compressed(content) {
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
  return { ".br": brotliCompressSync(content, brotli), ".gz": gzipSync(content, { level: 9 }) };
}

/** Writes web/ beside the one that there is, then takes its place: a server that starts meanwhile finds one of them whole. */
async function buildWeb(built) {
  const { files, manifest, notice } = await webFiles();
  const [unfinished, target, old] = ["web.unfinished", "web", "web.old"].map((name) => join(built, name));
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const sizes = {};
  for (const [name, content] of files) {
    writeFileSync(join(unfinished, name), content);
    sizes[name] = { bytes: content.length };
    for (const [suffix, body] of Object.entries(compressed(content))) {
      if (body.length < content.length) {
        writeFileSync(join(unfinished, name + suffix), body);
        sizes[name][suffix.slice(1)] = body.length;
      }
    }
  }
  writeFileSync(join(unfinished, "manifest.json"), JSON.stringify({ entries: manifest, sizes }, null, 1));
  writeFileSync(join(unfinished, "THIRD_PARTY.txt"), notice);
  rmSync(old, { recursive: true, force: true });
  if (existsSync(target)) {
    renameSync(target, old);
  }
  renameSync(unfinished, target);
  rmSync(old, { recursive: true, force: true });
}

function watchSources(built) {
  let waiting;
  watch("src", { recursive: true }, () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      buildWeb(built).then(
        () => console.error("built"),
        (error) => console.error(error.message),
      );
    }, 100);
  });
}

const [built, option] = process.argv.slice(2);
if (!built || (option && option !== "--watch")) {
  console.error("usage: node build.mjs FOLDER [--watch]");
  process.exit(2);
}
await buildWeb(built);
mkdirSync(join(built, "api-docs"), { recursive: true });
for (const file of API_DOCS) {
  place(file, join(built, "api-docs", basename(file)));
}
// Last: make takes it for the whole build.
place(COUNTRY_DATABASE, join(built, "country.mmdb"));
if (option) {
  console.error(`built ${statSync(join(built, "web")).mtime.toISOString()}, watching src/`);
  watchSources(built);
}
