/**
 * Keys that samples need and a developer has in the environment or in `.dev.vars`: they become secrets of the account, where
 * egress finds them. One that somebody has made by hand is left alone.
 */
import { createHash } from "node:crypto";
import { isCode, type Api } from "../../cli/api.ts";
import type { SampleRecord } from "./record.ts";

export const SAMPLE_SECRETS = ["ANTHROPIC_API_KEY"] as const;

type Values = Readonly<Record<string, string | undefined>>;

/** Earlier ones win: `[process.env, .dev.vars]`. */
export async function storeSecrets(
  api: Api,
  sources: readonly Values[],
  record: SampleRecord,
  log: (line: string) => void,
): Promise<void> {
  for (const name of SAMPLE_SECRETS) {
    const value = sources.map((source) => source[name]).find((text) => text !== undefined && text !== "");
    if (value === undefined) continue;
    const mark = createHash("sha256").update(`${name}\0${value}`).digest("hex");
    if (record.secret(name) === mark) continue;
    try {
      const isNew = await store(api, name, value, record.secret(name) !== undefined);
      if (isNew !== null) log(`${isNew ? "Made" : "Changed"} the secret ${name}, as the environment has it.`);
      if (isNew !== null) await record.setSecret(name, mark);
    } catch (error) {
      log(`Could not store the secret ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Null: it is somebody else's. */
async function store(api: Api, name: string, value: string, isOurs: boolean): Promise<boolean | null> {
  try {
    await api.send("POST /secrets", { body: { name, value }, idempotencyKey: crypto.randomUUID() });
    return true;
  } catch (error) {
    if (!isCode(error, "SECRET_NAME_ALREADY_EXISTS")) throw error;
    if (!isOurs) return null;
    await api.once("PATCH /secrets/{name}", { params: { name }, body: { value } });
    return false;
  }
}
