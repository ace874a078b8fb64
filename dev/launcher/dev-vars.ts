/**
 * `.dev.vars`, the secrets of the local run: made on first start, missing ones added later, and what a person wrote
 * there left alone.
 */
import { randomBytes } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** What the master key is long; more than enough for a token. */
const SECRET_BYTES = 32;

export interface DevVars {
  readonly values: Readonly<Record<string, string>>;
  /** Names that were given a random value by this call. */
  readonly added: readonly string[];
}

export async function ensureDevVars(projectDir: string, required: readonly string[]): Promise<DevVars> {
  const path = join(projectDir, ".dev.vars");
  const before = await readIfThere(path);
  const { text, added } = withMissingSecrets(before ?? "", required, newSecret);
  if (text !== before) await writeFile(path, text, { mode: 0o600 });
  // The mode above counts only for a new file.
  await chmod(path, 0o600);
  return { values: variablesOf(text), added };
}

export function withMissingSecrets(
  text: string,
  required: readonly string[],
  makeSecret: () => string,
): { readonly text: string; readonly added: readonly string[] } {
  const there = variablesOf(text);
  const added = required.filter((name) => !there[name]);
  if (added.length === 0) return { text, added };
  const start = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return { text: start + added.map((name) => `${name}=${makeSecret()}\n`).join(""), added };
}

function variablesOf(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(text))) if (value !== undefined) values[name] = value;
  return values;
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
