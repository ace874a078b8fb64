/**
 * What the end of a container means. The platform tells it by a settled `monitor()`, whose rejections differ only by
 * `exitCode` and by wording; this is the only file that reads either.
 */
import type { Outcome } from "../orchestrator/plan/deployment.ts";

export type Ending = Omit<Outcome, "at">;

/** SIGKILL: the platform's word for a container that was killed or has vanished. */
const KILLED = 137;

/** Wordings of `monitor()` rejections without a code, newest platform first. Unknown ones count as lost. */
const REFUSED_WORDINGS = [/failed to start/i, /no such image/i] as const;

/** `monitor()` resolved: the process ended with code 0. */
export const CLEAN_EXIT: Ending = { kind: "exited", exitCode: 0, reason: "ExitedWithCode" };

/** `monitor()` rejected, and it was not us who ended the container. */
export function endingOf(error: unknown): Ending {
  const exitCode = exitCodeOf(error);
  if (exitCode === KILLED) return { kind: "lost", exitCode, reason: "Killed" };
  if (exitCode !== null) return { kind: "exited", exitCode, reason: "ExitedWithCode" };
  const text = textOf(error);
  if (REFUSED_WORDINGS.some((wording) => wording.test(text))) {
    return { kind: "refused", exitCode: null, reason: "ImageDoesNotBoot" };
  }
  console.warn({ message: "container.exit.unknown", text });
  return { kind: "lost", exitCode: null, reason: "Unknown" };
}

export function exitCodeOf(error: unknown): number | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) {
    if ("exitCode" in cause && typeof cause.exitCode === "number") return cause.exitCode;
  }
  return null;
}

function textOf(error: unknown): string {
  const parts: string[] = [];
  let cause = error;
  for (let depth = 0; cause instanceof Error && depth < 4; depth += 1) {
    parts.push(cause.message);
    cause = cause.cause;
  }
  return parts.length === 0 ? String(error) : parts.join(": ");
}
