/**
 * Copies what the API's page is made of out of node_modules, to where the Worker's static assets are. `npm ci` runs it;
 * without these files `/docs` says that they are missing, and everything else works.
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";

const projectDir = join(import.meta.dirname, "..");
const FILES = ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "favicon-32x32.png"];

try {
  for (const file of FILES) {
    await copyFile(join(projectDir, "node_modules/swagger-ui-dist", file), join(projectDir, "assets/docs", file));
  }
} catch (error) {
  // An installation without development dependencies lacks them.
  process.stderr.write(`The API's page was not set up: ${error instanceof Error ? error.message : String(error)}\n`);
}
