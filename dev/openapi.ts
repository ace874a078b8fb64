/**
 * `npm run openapi`: writes `openapi.json`, `docs/fields.md` and the types of the SDK's client from the route table. With
 * --check nothing is written: exit 1 when a committed file differs. Either way it fails when an accepted field says nothing or has no test.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { openApiDocument } from "../src/api/openapi/document.ts";
import { fieldsPage } from "../src/api/openapi/fields.ts";
import { nameSchemas } from "../src/api/openapi/schemas.ts";
import { ROUTES } from "../src/api/routes.ts";
import { operationsSource, type OpenApi } from "./sdk/operations.ts";

const projectDir = join(import.meta.dirname, "..");
const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });

/** Whatever these folders export is part of the contract, and has a name in it. */
const NAMED = ["src/api/results", "src/api/schemas"];

async function modulesOf(folder: string): Promise<Record<string, unknown>[]> {
  const names = (await readdir(join(projectDir, folder))).filter((name) => /(?<!\.test)\.ts$/.test(name));
  const urls = names.toSorted().map((name) => pathToFileURL(join(projectDir, folder, name)).href);
  return await Promise.all(urls.map(async (url): Promise<Record<string, unknown>> => await import(url)));
}

nameSchemas((await Promise.all(NAMED.map(modulesOf))).flat());
const { version } = JSON.parse(await readFile(join(projectDir, "package.json"), "utf8")) as { version: string };
const document = openApiDocument(ROUTES, version);
const { page, problems } = await fieldsPage(document, (path) => readFile(join(projectDir, path), "utf8"));

const json = `${JSON.stringify(document, null, 2)}\n`;
const files = {
  "openapi.json": json,
  "docs/fields.md": page,
  "src/sdk/client/operations.ts": operationsSource(JSON.parse(json) as OpenApi),
};
for (const [name, content] of Object.entries(files)) {
  const path = join(projectDir, name);
  if (!values.check) await writeFile(path, content);
  else if ((await readFile(path, "utf8").catch(() => "")) !== content) {
    problems.push(`${name} is not what the routes say: run npm run openapi`);
  }
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
