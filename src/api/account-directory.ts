/**
 * Which accounts exist. The one of the deployment always does; others are rows of it. Asked before any object of an
 * account is touched, so that nobody can make objects by inventing account ids.
 */
import { accountStub } from "../stubs.ts";

/** Accounts are never renamed, and a deleted one has no tokens left that would be good. */
const known = new Set<string>();

export async function accountExists(env: Env, accountId: string): Promise<boolean> {
  if (accountId === env.GANTRY_ACCOUNT_ID || known.has(accountId)) return true;
  if (!/^[0-9a-f]{32}$/.test(accountId)) return false;
  if ((await accountStub(env, env.GANTRY_ACCOUNT_ID).account(accountId)) === null) return false;
  known.add(accountId);
  return true;
}

export function forgetAccount(accountId: string): void {
  known.delete(accountId);
}
