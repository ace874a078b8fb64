/** What a launch is asked to do: from the environment, wrangler.jsonc and the place of the checkout. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import * as z from "zod";
import { LaunchError } from "./launch-error.ts";

export const DEFAULT_PORT = 8787;

export interface Settings {
  readonly projectDir: string;
  readonly port: number;
  readonly configPath: string;
  /** The folder for logs and the state file. */
  readonly stateDir: string;
  /** Where Durable Objects keep their state. */
  readonly persistTo: string;
  readonly accountId: string;
  readonly requiredSecrets: readonly string[];
}

const workerConfig = z.looseObject({
  vars: z.looseObject({ GANTRY_ACCOUNT_ID: z.string().regex(/^[0-9a-f]{32}$/) }),
  secrets: z.looseObject({ required: z.array(z.string()) }),
});

export async function readSettings(projectDir: string, portText: string | undefined): Promise<Settings> {
  const port = portFrom(portText);
  const configPath = join(projectDir, "wrangler.jsonc");
  const config = workerConfig.safeParse(parse(await readFile(configPath, "utf8")));
  if (!config.success) {
    const issue = config.error.issues[0];
    throw new LaunchError(`wrangler.jsonc: ${issue?.path.join(".")}: ${issue?.message}: mend it, then start again.`);
  }
  return {
    projectDir,
    port,
    configPath,
    stateDir: join(projectDir, ".gantry"),
    // Two workerds on the same files would corrupt them, so each port has its own.
    persistTo: join(projectDir, ".wrangler", port === DEFAULT_PORT ? "state" : `state-${port}`),
    accountId: config.data.vars.GANTRY_ACCOUNT_ID,
    requiredSecrets: config.data.secrets.required,
  };
}

export function portFrom(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new LaunchError(`PORT is ${JSON.stringify(text)}: give a number from 1 to 65535, e.g. PORT=8788 npm start.`);
}

export async function checkPortIsFree(port: number): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
  } catch (error) {
    throw new LaunchError(whyPort(port, error));
  }
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

function whyPort(port: number, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : String(error);
  const way = `start with another, e.g. PORT=${port === 65_535 ? DEFAULT_PORT : port + 1} npm start.`;
  if (code === "EADDRINUSE") return `Port ${port} is in use by another program: end that, or ${way}`;
  if (code === "EACCES") return `Port ${port} needs rights that you do not have: ${way}`;
  return `Port ${port} cannot be used (${String(code)}): ${way}`;
}
