/** Following a rollout until it is over or does nothing more by itself, with a line for each thing that changes. */
import type { Operations } from "../src/sdk/client/index.ts";
import { isCode, type Api } from "./api.ts";
import type { Io } from "./io.ts";

export type Rollout = Operations["GET /applications/{id}/rollouts/{rollout}"]["result"];

/**
 * - `failed`: it went back, stalled, or a gate has paused it.
 * - `waiting`, `paused`: it goes on when somebody says so.
 * - `late`: not over at the deadline.
 */
export type Outcome = "completed" | "failed" | "replaced" | "waiting" | "paused" | "late";

export interface Followed {
  readonly outcome: Outcome;
  readonly rollout: Rollout;
}

export interface Following {
  readonly api: Api;
  readonly io: Pick<Io, "now" | "sleep">;
  readonly deadline: number;
  /** One line, without its end. */
  readonly say: (text: string) => void;
}

/** What is told between looks is not older than this. */
const LOOK_MS = 2_000;
const PAUSE_MS = 500;
/** Enough to look at the first of them. */
const MOST_NAMES = 5;

export async function follow(deps: Following, application: string, id: string): Promise<Followed> {
  const { api, io, deadline, say } = deps;
  const params = { id: application, rollout: id };
  let [said, held] = ["", ""];
  for (;;) {
    const { result: rollout } = await api.send("GET /applications/{id}/rollouts/{rollout}", { params });
    const [line, holding] = [lineOf(rollout), heldBy(rollout)];
    const news = holding === "" || holding === held ? line : `${line}; waits for ${holding}`;
    if (line !== said || news !== line) say(news);
    [said, held] = [line, holding];
    const outcome = outcomeOf(rollout);
    if (outcome !== null) return { outcome, rollout };
    const left = deadline - io.now();
    if (left <= 0) return { outcome: "late", rollout };
    await changed(deps, params, Math.min(LOOK_MS, left));
  }
}

/** Null: it goes on by itself. */
export function outcomeOf({ phase, reason }: Pick<Rollout, "phase" | "reason">): Outcome | null {
  if (phase === "completed" || phase === "replaced" || phase === "waiting") return phase;
  if (phase === "paused") return reason === "PausedByUser" ? "paused" : "failed";
  return phase === "reverted" || phase === "stalled" ? "failed" : null;
}

/** What it is at: short where it only goes on, and with step and share. */
export function lineOf(rollout: Rollout): string {
  const { phase, message, health, target_version: target } = rollout;
  const count = /^\d+ of \d+/.exec(health.summary)?.[0];
  if (phase === "progressing" && count !== undefined) {
    return `${stepIn(rollout)}: ${count} healthy at version ${target}`;
  }
  return phase === "paused" && !/\bstep \d/.test(message) ? `${stepIn(rollout)}: ${message}` : message;
}

/** The step that it is at, and the share that this ends at. */
export function stepIn({ steps, ramp }: Pick<Rollout, "steps" | "ramp">): string {
  const all = steps ?? ramp ?? [];
  const begun = all.findIndex(({ status }) => status === "progressing" || status === "reverting");
  const done = all.findLastIndex(({ status }) => status === "completed");
  const index = Math.max(0, begun === -1 ? done : begun);
  return `step ${index + 1} of ${all.length} (${all[index]?.step_size.percentage ?? 100} %)`;
}

/** Of the last step: before it, old instances are there to stay. */
function heldBy({ phase, steps, ramp, holding }: Rollout): string {
  const last = (steps ?? ramp ?? []).at(-1);
  if (phase !== "progressing" || last?.status !== "progressing" || holding.length === 0) return "";
  const more = holding.length > MOST_NAMES ? ` and ${holding.length - MOST_NAMES} more` : "";
  return `${holding.slice(0, MOST_NAMES).join(", ")}${more}`;
}

async function changed({ api, io }: Following, params: Readonly<Record<string, string>>, ms: number): Promise<void> {
  try {
    const query = { timeout: String(ms / 1_000) };
    await api.once("GET /applications/{id}/rollouts/{rollout}/wait", { params, query });
  } catch (error) {
    if (isCode(error, "WAIT_TIMEOUT")) return;
    if (!isCode(error, "QUEUE_FULL", "RATE_LIMITED", "CONNECTION_LOST", "TIMEOUT")) throw error;
    await io.sleep(PAUSE_MS);
  }
}
