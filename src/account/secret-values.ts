/**
 * The value of a secret: the account's own, else that of a Secrets Store secret that the control plane is bound to under
 * the name. What is bound belongs to the first account, whose owner has deployed it.
 */
import type { Database } from "../database.ts";
import type { SecretValue } from "../egress/upstream/credentials.ts";
import { GantryError } from "../errors.ts";
import { open } from "../sealing.ts";
import { sealedSecret, secretContext } from "./secrets.ts";

/** Null: there is none. Throws when there is one that no key opens. `bound`: what the control plane has instead. */
export async function secretValue(
  db: Database,
  keys: readonly string[],
  accountId: string,
  name: string,
  bound: (name: string) => Promise<string | null> = async () => null,
): Promise<SecretValue | null> {
  const found = sealedSecret(db, name);
  if (found !== null) return { value: await openSecret(keys, found.sealed, accountId, name), version: found.version };
  const value = await bound(name);
  return value === null ? null : { value, version: null };
}

/** Null when nothing of that name is bound, it is no secret, or it is not this account's. */
export async function boundSecret(env: Env, accountId: string, name: string): Promise<string | null> {
  if (accountId !== env.GANTRY_ACCOUNT_ID || !Object.hasOwn(env, name)) return null;
  const bound: unknown = (env as unknown as Record<string, unknown>)[name];
  if (typeof bound !== "object" || bound === null || !("get" in bound)) return null;
  try {
    // What else has a `get` takes the key of something, and refuses to be asked without.
    const value: unknown = await (bound as { get(): Promise<unknown> }).get();
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

async function openSecret(keys: readonly string[], sealed: string, accountId: string, name: string): Promise<string> {
  try {
    return await open(keys, sealed, secretContext(accountId, name));
  } catch (error) {
    if (!GantryError.is(error) || error.code !== "SECRET_UNREADABLE") throw error;
    const message = `secret ${name} cannot be opened: put the key that sealed it back into GANTRY_MASTER_KEY, or write its value anew`;
    throw new GantryError("SECRET_UNREADABLE", message, { name });
  }
}
