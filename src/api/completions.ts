/**
 * What came of writes, on its way to the audit. It travels with the next admission in its account, so that a busy
 * account is called once per write and not twice; when none comes within moments it goes on its own.
 */
import type { Completion } from "../account/completion.ts";
import { describeError } from "../errors.ts";
import { sleep } from "../sleep.ts";
import { accountStub } from "../stubs.ts";

const PATIENCE_MS = 25;

const waiting = new Map<string, Completion[]>();

export function takeCompletions(accountId: string): Completion[] {
  const taken = waiting.get(accountId) ?? [];
  waiting.delete(accountId);
  return taken;
}

export function putCompletions(accountId: string, completions: readonly Completion[]): void {
  if (completions.length > 0) waiting.set(accountId, [...(waiting.get(accountId) ?? []), ...completions]);
}

/** For `waitUntil` of the request that made the write. */
export async function complete(env: Env, accountId: string, completion: Completion): Promise<void> {
  putCompletions(accountId, [completion]);
  await sleep(PATIENCE_MS);
  const left = takeCompletions(accountId);
  if (left.length === 0) return;
  try {
    await accountStub(env, accountId).finish(left);
  } catch (error) {
    console.warn({ message: "audit.finish.failed", rows: left.length, error: describeError(error) });
    putCompletions(accountId, left);
  }
}
