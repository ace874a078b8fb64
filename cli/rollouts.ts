/** Following a rollout to its end, with a line for each thing that changes. */
import type { Operations } from "../src/sdk/client/index.ts";
import { isCode, type Api } from "./api.ts";
import type { Io } from "./io.ts";

export type Rollout = Operations["GET /applications/{id}/rollouts/{rollout}"]["result"];

/** `late`: not over at the deadline. */
export type Outcome = "completed" | "failed" | "replaced" | "late";

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

/** Nobody moves it on from here but a person, who may be on the way. */
const WAITING: ReadonlySet<string> = new Set(["waiting", "paused"]);

export async function follow(deps: Following, application: string, id: string): Promise<Followed> {
  const { api, io, deadline, say } = deps;
  const params = { id: application, rollout: id };
  let said = "";
  for (;;) {
    const { result: rollout } = await api.send("GET /applications/{id}/rollouts/{rollout}", { params });
    if (rollout.message !== said) say(rollout.message);
    said = rollout.message;
    const outcome = outcomeOf(rollout);
    if (outcome !== null) return { outcome, rollout };
    const left = deadline - io.now();
    if (left <= 0) return { outcome: "late", rollout };
    if (WAITING.has(rollout.phase)) await io.sleep(Math.min(LOOK_MS, left));
    else await changed(deps, params, Math.min(LOOK_MS, left));
  }
}

function outcomeOf({ phase }: Rollout): Outcome | null {
  if (phase === "completed" || phase === "replaced") return phase;
  return phase === "reverted" || phase === "stalled" ? "failed" : null;
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
