/** Which events of an application its hooks hear, in the form that `src/sdk/hooks.ts` reads. Pure. */
import type { EventDraft } from "../events.ts";
import { HARD_TIMEOUT } from "../plan/observe.ts";

interface Envelope {
  /** The application's name. */
  readonly application: string;
  /** Public id. */
  readonly instance: string;
  /** What it is called by; null for a member of the pool. */
  readonly name: string | null;
  readonly generation: number;
  /** ISO 8601. */
  readonly at: string;
}

export type HookEvent = Envelope &
  (
    | { readonly type: "start" }
    | { readonly type: "stop"; readonly exitCode: number | null; readonly reason: string | null }
    | { readonly type: "error"; readonly code: string; readonly message: string }
    | { readonly type: "hard_timeout"; readonly afterMs: number }
  );

export interface HookContext extends Omit<Envelope, "generation"> {
  /** Of the version that ran. */
  readonly hardTimeoutMs: number;
}

/** In the order in which they are to be heard. At most one of each type for a start. */
export function hookEventsOf(
  draft: EventDraft & { readonly generation: number },
  { hardTimeoutMs, ...context }: HookContext,
): HookEvent[] {
  const envelope = { ...context, generation: draft.generation };
  const { details = {} } = draft;
  const reason = typeof details["reason"] === "string" ? details["reason"] : null;
  const error: HookEvent = { ...envelope, type: "error", code: reason ?? draft.name, message: draft.message };
  switch (draft.name) {
    case "ContainerStarted": {
      return [{ ...envelope, type: "start" }];
    }
    // There was nothing that could have stopped.
    case "VMFailedToStart":
    case "RuntimeStartFailed": {
      return [error];
    }
    case "VMStopped":
    case "VMFailed": {
      const exitCode = typeof details["exit_code"] === "number" ? details["exit_code"] : null;
      const isTimeout = reason === HARD_TIMEOUT;
      const isFailure = draft.type !== "Info" && exitCode !== 0;
      return [
        ...(isTimeout ? [{ ...envelope, type: "hard_timeout", afterMs: hardTimeoutMs } as const] : []),
        ...(isFailure ? [error] : []),
        { ...envelope, type: "stop", exitCode, reason },
      ];
    }
    default: {
      return [];
    }
  }
}

/** What names a container, of any event that has one. */
export function isOfContainer(
  draft: EventDraft,
): draft is EventDraft & { readonly deployment: string; readonly generation: number } {
  return draft.deployment !== undefined && draft.generation !== undefined;
}
