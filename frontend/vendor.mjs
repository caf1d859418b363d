// Copies what the pages, the PDFs and the browser tests use out of node_modules, and writes down version, licence and hash of each.
// Run by `npm ci && npm run vendor` when a version changes; users of the product need no Node.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const modules = join(here, "node_modules");

const packageOf = (name) => JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
const sha256 = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

/** Empties `target`, fills it with `items`, and writes VERSIONS.json beside them. */
async function vendor(target, items) {
  const folder = join(root, target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const versions = [];
  for (const item of items) {
    const place = join(folder, item.folder ?? "");
    mkdirSync(place, { recursive: true });
    const before = new Set(filesBelow(folder));
    for (const [from, to] of item.copy ?? []) copyFileSync(join(modules, item.name, from), join(place, to));
    if (item.make) await item.make(place);
    const { version, license } = packageOf(item.name);
    const files = filesBelow(folder).filter((path) => !before.has(path));
    versions.push({
      name: item.name,
      version,
      licence: item.licence ?? license,
      sha256: Object.fromEntries(files.map((path) => [relative(folder, path), sha256(path)])),
    });
  }
  writeFileSync(join(folder, "VERSIONS.json"), `${JSON.stringify(versions, null, 1)}\n`);
}

/** JsSIP is published as CommonJS only: one script that sets `JsSIP`. */
async function bundleJsSip(place) {
  await build({
    stdin: { contents: 'module.exports = require("jssip");', resolveDir: here, loader: "js" },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "JsSIP",
    target: "es2020",
    legalComments: "none",
    outfile: join(place, "jssip.min.js"),
  });
}

/** The font in its unicode-range parts, under the name the style sheet uses. */
async function copyNoto(place) {
  const source = join(modules, "@fontsource-variable/noto-sans-jp");
  mkdirSync(join(place, "files"), { recursive: true });
  const css = readFileSync(join(source, "wght.css"), "utf8");
  for (const [, file] of css.matchAll(/\.\/files\/([^)]+)\)/g)) copyFileSync(join(source, "files", file), join(place, "files", file));
  writeFileSync(join(place, "noto-sans-jp.css"), css);
}

await vendor("callcenter/web/static/vendor", [
  {
    name: "htmx.org",
    folder: "htmx",
    copy: [["dist/htmx.min.js", "htmx.min.js"], ["dist/ext/hx-sse.min.js", "hx-sse.min.js"], ["LICENSE", "LICENSE"]],
  },
  { name: "chart.js", folder: "chart", copy: [["dist/chart.umd.min.js", "chart.umd.min.js"], ["LICENSE.md", "LICENSE.md"]] },
  { name: "jssip", folder: "jssip", copy: [["LICENSE.md", "LICENSE.md"]], make: bundleJsSip },
  {
    name: "@digital-go-jp/design-tokens",
    folder: "design-tokens",
    copy: [["dist/tokens.css", "tokens.css"], ["LICENSE", "LICENSE"]],
  },
  { name: "@fontsource-variable/noto-sans-jp", folder: "noto-sans-jp", copy: [["LICENSE", "LICENSE"]], make: copyNoto },
]);

// PDFs: a whole TrueType font, because the PDF writer reads it 40 times faster than WOFF2.
await vendor("reports/fonts", [
  {
    name: "@expo-google-fonts/biz-udpgothic",
    licence: "OFL-1.1",
    copy: [
      ["400Regular/BIZUDPGothic_400Regular.ttf", "BIZUDPGothic-Regular.ttf"],
      ["700Bold/BIZUDPGothic_700Bold.ttf", "BIZUDPGothic-Bold.ttf"],
      ["LICENSE_FONT", "OFL.txt"],
    ],
  },
]);

await vendor("tests/browser/vendor", [
  { name: "axe-core", copy: [["axe.min.js", "axe.min.js"], ["LICENSE", "LICENSE"]] },
]);
