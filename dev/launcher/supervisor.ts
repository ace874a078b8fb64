/**
 * Keeps a session running: when one ends by itself, what it left is removed and the next one starts, with growing
 * pauses where it keeps ending. Knows nothing of processes or Docker, so that its decisions can be tested.
 */
import { afterLife } from "./restart-policy.ts";

export interface SupervisedSession {
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface Supervisor<S extends SupervisedSession> {
  readonly start: (signal: AbortSignal) => Promise<S>;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onReady: (session: S, isFirst: boolean) => Promise<void>;
  readonly log: (line: string) => void;
  /** Aborted when everything shall stop. */
  readonly signal: AbortSignal;
  /** Resolves when the sources changed since the last call; never where nobody watches. */
  readonly changed: () => Promise<void>;
  /** Whether a change of the sources may mend a first start that failed. */
  readonly waitsForChange: boolean;
}

type Event =
  | { readonly type: "stop" }
  | { readonly type: "changed" }
  | { readonly type: "ended"; readonly reason: string };

/** Resolves when everything was stopped; rejects where the first start fails and no change can mend it. */
export async function supervise<S extends SupervisedSession>(supervisor: Supervisor<S>): Promise<void> {
  const { signal, log } = supervisor;
  const stopped = new Promise<Event>((resolve) => {
    if (signal.aborted) resolve({ type: "stop" });
    signal.addEventListener("abort", () => resolve({ type: "stop" }), { once: true });
  });
  const change = () => supervisor.changed().then((): Event => ({ type: "changed" }));
  let isFirst = true;
  let shortLives = 0;
  while (!signal.aborted) {
    let readyAt: number | undefined;
    let event: Event;
    try {
      const session = await supervisor.start(signal);
      readyAt = supervisor.now();
      try {
        await supervisor.onReady(session, isFirst);
        isFirst = false;
        event = await Promise.race([
          stopped,
          change(),
          session.ended.then((reason): Event => ({ type: "ended", reason })),
        ]);
        if (event.type === "ended") log(`${event.reason}. Removing its containers and starting again.`);
      } finally {
        await session.stop();
      }
    } catch (error) {
      if (signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      if (isFirst && !supervisor.waitsForChange) throw error;
      event = { type: "ended", reason };
      if (supervisor.waitsForChange && readyAt === undefined) {
        log(`Gantry did not start: ${reason}. Waiting for a change.`);
        event = await Promise.race([stopped, change()]);
      }
    }
    if (event.type === "stop") return;
    if (event.type === "changed") {
      shortLives = 0;
      log("Sources changed: starting again.");
      continue;
    }
    const livedMs = readyAt === undefined ? undefined : supervisor.now() - readyAt;
    const next = afterLife(shortLives, { livedMs, reason: event.reason });
    ({ shortLives } = next);
    if (next.keepsDying) {
      log(
        `Gantry ended ${shortLives} times in a row, last because: ${event.reason}. Next try in ${next.delayMs / 1000} s; Ctrl-C gives up.`,
      );
    }
    await Promise.race([supervisor.sleep(next.delayMs, signal).catch(() => undefined), stopped]);
  }
}
