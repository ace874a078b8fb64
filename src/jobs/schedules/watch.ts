/**
 * The watchdog of schedules. Their own alarms fire them; each minute the Worker asks one index who may have lost his, and
 * pokes only those. Nothing is decided here.
 */
import type { Overdue, Seen } from "../../account/cron-watch.ts";
import { inBatches } from "../../batches.ts";
import { describeError } from "../../errors.ts";
import { accountStub, applicationStub } from "../../stubs.ts";

/** Every minute. */
export async function sweep(env: Env): Promise<void> {
  const index = indexOf(env);
  const overdue: Overdue[] = await index.overdueCron();
  if (overdue.length === 0) return;
  const seen = await inBatches(overdue, async ({ application, lookAt }): Promise<Seen[]> => {
    try {
      const nextAt: number | null = await applicationStub(env, application).pokeCron();
      return [{ application, lookAt, nextAt }];
    } catch (error) {
      // It stays overdue, and is asked again in a minute.
      console.warn({ message: "cron.poke.failed", application, error: describeError(error) });
      return [];
    }
  });
  await index.cronSeen(seen.flat());
}

/** Called before the schedule is stored that fires then: none is stored that nobody watches. */
export async function watch(env: Env, application: string, nextAt: number | null): Promise<void> {
  if (nextAt !== null) await indexOf(env).watchCron(application, nextAt);
}

export async function unwatch(env: Env, application: string): Promise<void> {
  await indexOf(env).unwatchCron(application);
}

/** One for all accounts, so that a minute in which nothing is overdue costs one call. */
function indexOf(env: Env) {
  return accountStub(env, env.GANTRY_ACCOUNT_ID);
}
