/**
 * Runs dev/<name>.ts where Node can run TypeScript, and says in one line what to do where it cannot. Plain JavaScript
 * of an old dialect, since it must be understood by exactly those versions that are too old for the rest.
 */
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const WANTED = 24;
const name = process.argv[2] || "start";
const script = fileURLToPath(new URL(name + ".ts", import.meta.url));
const own = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));

if (Number(process.versions.node.split(".")[0]) < WANTED) {
  const way = existsSync(own)
    ? "use `npm run` (it takes the Node " + WANTED + " of node_modules)"
    : "run `npm ci`, which brings its own, then `npm start`";
  console.error("Gantry needs Node " + WANTED + ", this is " + process.versions.node + ": " + way + ".");
  process.exit(1);
}
process.argv.splice(1, 2, script);
await import(pathToFileURL(script).href);
