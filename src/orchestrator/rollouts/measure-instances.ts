/** What the instances at the target say: on a path of theirs, and of the requests that they have answered. */
import type { ProbeResult } from "../../containers/probe.ts";
import type { Gate } from "./gates.ts";
import {
  aborted,
  inconclusive,
  type MeasureDeps,
  type Member,
  type Result,
  type Subject,
  unlessOver,
} from "./measuring.ts";

/** The platform gives a Worker six simultaneous outgoing connections. */
const AT_ONCE = 6;
/** Of more, so many say as much as all of them. */
const MOST_CHECKED = 20;
const MOST_COUNTED = 200;
const NOBODY = "no instance at the target takes requests";

export async function measureCheck(
  { path, port, expectStatus, timeoutMs }: Extract<Gate, { type: "check" }>,
  { members, checkInstance }: MeasureDeps,
  signal: AbortSignal,
): Promise<Result> {
  const all = await unlessOver(members(), signal);
  const asked = evenly(all, MOST_CHECKED);
  const results = await sixAtATime(asked, signal, async (member) => {
    return await checkInstance(member, { path, port, expectStatus, timeoutMs }).catch((): ProbeResult => {
      return { verdict: "timeout", detail: "its object did not answer" };
    });
  });
  const seen = asked.flatMap((member, index) => {
    const result = results[index];
    // What has gone meanwhile is asked for nothing.
    return result === null
      ? []
      : [{ member, result: result ?? { verdict: "timeout", detail: "gave no answer in time" } }];
  });
  const bad = seen.find(({ result }) => result.verdict === "failed" || result.verdict === "refused");
  if (bad !== undefined) return { verdict: "failed", message: saidOf(bad) };
  const silent = seen.find(({ result }) => result.verdict === "timeout");
  if (silent !== undefined) return inconclusive(saidOf(silent));
  if (seen.length === 0) return inconclusive(NOBODY);
  const of = all.length > asked.length ? ` of ${all.length}` : "";
  return { verdict: "passed", message: `${path} is as expected on ${seen.length}${of} instances` };
}

function saidOf({ member, result }: { readonly member: Member; readonly result: { readonly detail: string } }): string {
  return `instance ${member.instanceId}: ${result.detail}`;
}

export async function measureErrorRate(
  { maxRatio, minRequests }: Extract<Gate, { type: "error_rate" }>,
  { since }: Subject,
  { members, requestCounts }: MeasureDeps,
  signal: AbortSignal,
): Promise<Result> {
  const all = await unlessOver(members(), signal);
  if (all.length === 0) return inconclusive(NOBODY);
  const asked = evenly(all, MOST_COUNTED);
  const counts = await sixAtATime(asked, signal, async (member) => {
    return await requestCounts(member, since).catch(() => null);
  });
  const heard = counts.filter((count) => count != null);
  const answered = heard.reduce((sum, count) => sum + count.answered, 0);
  const failed = heard.reduce((sum, count) => sum + count.failed, 0);
  const from = heard.length < all.length ? `, from ${heard.length} of ${all.length} instances` : "";
  const share = answered === 0 ? "" : ` (${Math.round((failed / answered) * 10_000) / 100} %)`;
  const message = `${failed} of ${answered} requests failed${share}${from}`;
  if (answered < minRequests) return inconclusive(`${message}; ${minRequests} requests are needed to judge`);
  // None asked for and none answered: nothing has failed.
  return { verdict: failed <= maxRatio * answered ? "passed" : "failed", message };
}

/** So many of them, at even distances, from the first on. */
export function evenly<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return items.filter(
    (_, index) => Math.floor((index * most) / items.length) !== Math.floor(((index - 1) * most) / items.length),
  );
}

/** In their order; undefined for who was not asked, or had not answered, when it was over. */
async function sixAtATime<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  perform: (item: T) => Promise<R>,
): Promise<readonly (R | undefined)[]> {
  const results: (R | undefined)[] = items.map(() => undefined);
  const over = aborted(signal);
  const rest = [...items.entries()].values();
  const work = async () => {
    for (const [index, item] of rest) {
      if (signal.aborted) return;
      results[index] = await perform(item);
    }
  };
  await Promise.race([Promise.all(Array.from({ length: AT_ONCE }, work)), over]);
  return [...results];
}
