/**
 * What is known of a request by the time it is answered: its line in the log when it was a write, and its place in the
 * counters of its account. Templates and names only: paths, queries and bodies may hold what is not for logs.
 */
import { AnsweredRequests, type RequestCount } from "../metrics/request-counts.ts";
import { isWrite } from "./route.ts";

export interface Trace {
  readonly requestId: string;
  readonly method: string;
  readonly startedAt: number;
  /** The route's template; null when none was found, or nobody known asked: a flood of those would fill the log. */
  route: string | null;
  /** Set with the actor, once the account has let the request in or refused what its token may. */
  accountId: string | null;
  actor: string | null;
}

const answered = new AnsweredRequests();

/** To be told to the account with its next admission. */
export function takeAnswered(accountId: string): RequestCount[] {
  return answered.take(accountId);
}

/** The admission did not arrive: they are told with the next one. */
export function giveBack(accountId: string, counts: readonly RequestCount[]): void {
  answered.add(accountId, counts);
}

export function recordAnswer(trace: Trace, status: number, now: number): void {
  const { requestId, method, route, accountId, actor, startedAt } = trace;
  if (route === null) return;
  if (accountId !== null) {
    answered.add(accountId, [{ method, route, status: `${Math.floor(status / 100)}xx`, count: 1 }]);
  }
  if (!isWrite(method)) return;
  console.log({ message: "api.request", requestId, method, route, status, durationMs: now - startedAt, actor });
}
