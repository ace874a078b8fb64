/** Waiting for what was applied to run, all of it at the same time, until one deadline. */
import { describeFailure, isCode, type Api } from "../api.ts";
import type { Io } from "../io.ts";
import { shownNow } from "./drivers/deployment.ts";
import type { Result } from "./execute.ts";
import { isObject, keyOf } from "./resource.ts";
import type { World } from "./world.ts";

/** The most that the API waits at a time. */
const MOST_MS = 25_000;
const PAUSE_MS = 500;

export interface Waiting {
  readonly api: Api;
  readonly world: World;
  readonly io: Io;
  readonly deadline: number;
}

/** With `late` for what does not run by then. What failed is not waited for. */
export async function waitForAll(deps: Waiting, results: readonly Result[]): Promise<Result[]> {
  return await Promise.all(
    results.map(async (result): Promise<Result> => {
      const { step, outcome } = result;
      if (outcome !== "done" && outcome !== "unchanged") return result;
      try {
        const isReady = await waitFor(deps, step);
        return isReady ? result : { ...result, outcome: "late", message: "does not run yet" };
      } catch (error) {
        return { ...result, outcome: "failed", message: describeFailure(error) };
      }
    }),
  );
}

async function waitFor(deps: Waiting, step: { kind: string; name: string }): Promise<boolean> {
  if (step.kind === "application") return await settled(deps, step.name);
  if (step.kind !== "deployment") return true;
  const live = deps.world.live.get(keyOf(step));
  return live === undefined || (await placed(deps, live.id));
}

async function settled({ api, io, deadline }: Waiting, name: string): Promise<boolean> {
  for (;;) {
    const left = Math.max(0, Math.min(MOST_MS, deadline - io.now()));
    try {
      const query = { state: "settled", timeout: String(left / 1_000) };
      await api.once("GET /applications/{id}/wait", { params: { id: name }, query });
      return true;
    } catch (error) {
      const isPassing = isCode(error, "WAIT_TIMEOUT", "QUEUE_FULL", "RATE_LIMITED", "CONNECTION_LOST", "TIMEOUT");
      if (!isPassing) throw error;
      if (io.now() >= deadline) return false;
      if (!isCode(error, "WAIT_TIMEOUT")) await io.sleep(PAUSE_MS);
    }
  }
}

async function placed({ api, io, deadline }: Waiting, id: string): Promise<boolean> {
  for (;;) {
    const placement = (await shownNow(api, id))["current_placement"];
    const status = isObject(placement) ? placement["status"] : undefined;
    if (isObject(status) && status["ready"] === true) return true;
    if (io.now() >= deadline) return false;
    await io.sleep(PAUSE_MS);
  }
}
