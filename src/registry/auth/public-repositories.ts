/** Repositories that anyone may pull. What the index said is remembered for moments, so that a pull asks it once. */
import { registryStub } from "../../stubs.ts";

const REMEMBERED_MS = 2_000;
const MAX_REMEMBERED = 1_000;

const remembered = new Map<string, { readonly isPublic: boolean; readonly until: number }>();

/** Of an account that exists: another one would get an object. */
export async function isPublicRepository(env: Env, accountId: string, repository: string): Promise<boolean> {
  const key = `${accountId}/${repository}`;
  const now = Date.now();
  const known = remembered.get(key);
  if (known !== undefined && known.until > now) return known.isPublic;
  const isPublic: boolean = await registryStub(env, accountId).isPublic(repository);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, { isPublic, until: now + REMEMBERED_MS });
  return isPublic;
}

/** Somebody has just changed it here. */
export function forgetPublic(accountId: string, repository: string): void {
  remembered.delete(`${accountId}/${repository}`);
}
