/**
 * What an error of the platform means, and the end of a container with it. The platform tells things apart only by
 * `exitCode` and by wording; this is the only file that reads either. Wordings change without notice, so what no row of
 * the table knows is `unknown`: tried again, counted as such, and shown with its text.
 */
import type { Outcome, OutcomeKind } from "../orchestrator/plan/deployment.ts";

export type Ending = Omit<Outcome, "at">;

interface Wording {
  readonly pattern: RegExp;
  readonly kind: Extract<OutcomeKind, "exited" | "lost" | "refused" | "unavailable" | "unknown">;
  readonly reason: string;
  /** Whether the same start may succeed a moment later, with nobody changing anything. */
  readonly retryable: boolean;
}

/**
 * The first that matches counts, so what is said of a start comes before what is said of a container that ran. Where the
 * words come from: `@cloudflare/containers` 0.3.7, workerd 1.20261117, and errors that users have reported.
 */
export const WORDINGS: readonly Wording[] = [
  {
    pattern: /no container instance that can be provided/i,
    kind: "unavailable",
    reason: "NoCapacity",
    retryable: true,
  },
  { pattern: /no container instance available/i, kind: "unavailable", reason: "NoCapacity", retryable: true },
  { pattern: /too many containers per second/i, kind: "unavailable", reason: "RateLimited", retryable: true },
  {
    pattern:
      /maximum number of running container instances|max(?:imum)? (?:concurrent )?instances? (?:count )?(?:exceeded|reached)/i,
    kind: "unavailable",
    reason: "MaxInstances",
    retryable: true,
  },
  { pattern: /no such image|image .*not found/i, kind: "refused", reason: "ImageDoesNotBoot", retryable: false },
  { pattern: /container failed to start/i, kind: "refused", reason: "ImageDoesNotBoot", retryable: false },
  { pattern: /runtime signalled the container to exit/i, kind: "lost", reason: "RuntimeSignalled", retryable: true },
  { pattern: /unexpected exit code/i, kind: "exited", reason: "ExitedWithCode", retryable: true },
  { pattern: /the container is not listening/i, kind: "lost", reason: "NotListening", retryable: true },
  { pattern: /network connection lost/i, kind: "lost", reason: "ConnectionLost", retryable: true },
  {
    pattern: /monitor\(\) cannot be called on a container that is not running/i,
    kind: "lost",
    reason: "Vanished",
    retryable: true,
  },
  {
    pattern: /cannot be called on a container that is already running/i,
    kind: "lost",
    reason: "AlreadyRunning",
    retryable: true,
  },
  {
    pattern: /durable object.*(?:reset|overloaded)|object to be reset/i,
    kind: "lost",
    reason: "ObjectReset",
    retryable: true,
  },
  { pattern: /internal error/i, kind: "lost", reason: "PlatformError", retryable: true },
];

const UNKNOWN: Omit<Wording, "pattern"> = { kind: "unknown", reason: "Unclassified", retryable: true };

/** SIGKILL: the platform's word for a container that was killed or has vanished. */
const KILLED = 137;
/** An unknown text is shown up to here. */
const TEXT_LENGTH = 200;

/** `monitor()` resolved: the process ended with code 0. */
export const CLEAN_EXIT: Ending = { kind: "exited", exitCode: 0, reason: "ExitedWithCode" };

/** What the words of an error say; the exit code, where there is one, says more. */
export function classify(text: string): Omit<Wording, "pattern"> {
  const { kind, reason, retryable } = WORDINGS.find(({ pattern }) => pattern.test(text)) ?? UNKNOWN;
  return { kind, reason, retryable };
}

/** `start()` threw or `monitor()` rejected, and it was not us who ended the container. */
export function endingOf(error: unknown): Ending {
  const text = textOf(error);
  const { kind, reason } = classify(text);
  if (kind === "unavailable") return { kind, exitCode: null, reason, message: text.slice(0, TEXT_LENGTH) };
  const exitCode = exitCodeOf(error) ?? (kind === "exited" ? codeIn(text) : null);
  if (exitCode === KILLED) return { kind: "lost", exitCode, reason: "Killed" };
  // The platform's own signal carries a code too, which is no answer of the application.
  if (exitCode !== null && reason !== "RuntimeSignalled") return { kind: "exited", exitCode, reason: "ExitedWithCode" };
  if (kind === "unknown" || kind === "exited") {
    console.warn({ message: "container.error.unclassified", text: text.slice(0, TEXT_LENGTH) });
    return { kind: "unknown", exitCode: null, reason: UNKNOWN.reason, message: text.slice(0, TEXT_LENGTH) };
  }
  return { kind, exitCode, reason };
}

export function exitCodeOf(error: unknown): number | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) {
    if ("exitCode" in cause && typeof cause.exitCode === "number") return cause.exitCode;
  }
  return null;
}

function codeIn(text: string): number | null {
  const [, code] = /exit code:? (\d{1,3})\b/i.exec(text) ?? [];
  return code === undefined ? null : Number(code);
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

/**
 * The platform failed, which says nothing about the container: this lifetime takes it for gone, and only the next one sees
 * whether it is, and ends it.
 */
export function isUncertain({ kind, exitCode }: Ending): boolean {
  return exitCode === null && (kind === "lost" || kind === "unknown");
}
