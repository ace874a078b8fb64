/** Waiting for what was applied to run, all of it at the same time, until one deadline. */
import { describeFailure, isCode, type Api } from "../api.ts";
import type { Io } from "../io.ts";
import { follow, lineOf } from "../rollouts.ts";
import { shownNow } from "./drivers/deployment.ts";
import type { Result } from "./execute.ts";
import { isObject, keyOf, Reference, type Resource } from "./resource.ts";
import type { World } from "./world.ts";

/** The most that the API waits at a time. */
const MOST_MS = 25_000;
const PAUSE_MS = 500;

export interface Waiting {
  readonly api: Api;
  readonly world: World;
  readonly resources: readonly Resource[];
  readonly io: Io;
  readonly deadline: number;
}

/** It goes on when a person says so: nothing comes of waiting. */
class RestsError extends Error {
  override readonly name = "RestsError";
}

/** With `late` for what does not run by then. What failed is not waited for. */
export async function waitForAll(deps: Waiting, results: readonly Result[]): Promise<Result[]> {
  return await Promise.all(
    results.map(async (result): Promise<Result> => {
      const { step, outcome } = result;
      if (outcome !== "done" && outcome !== "unchanged") return result;
      if (isToldByRollout(deps, step, results)) return result;
      try {
        const isReady = await waitFor(deps, step);
        return isReady ? result : { ...result, outcome: "late", message: "does not run yet" };
      } catch (error) {
        if (error instanceof RestsError) return { ...result, outcome: "late", message: error.message };
        return { ...result, outcome: "failed", message: describeFailure(error) };
      }
    }),
  );
}

/** One failure is told once: by the rollout that the manifest declares. */
function isToldByRollout(deps: Waiting, { kind, name }: Result["step"], results: readonly Result[]): boolean {
  return (
    kind === "application" &&
    results.some(({ step, outcome }) => {
      const isWaitedFor = step.kind === "rollout" && (outcome === "done" || outcome === "unchanged");
      return isWaitedFor && rolledBy(deps, step) === name;
    })
  );
}

async function waitFor(deps: Waiting, step: { kind: string; name: string }): Promise<boolean> {
  const application = step.kind === "rollout" ? rolledBy(deps, step) : step.kind === "application" ? step.name : null;
  if (application !== null) return (await rolledOut(deps, application)) && (await settled(deps, application));
  if (step.kind !== "deployment") return true;
  const live = deps.world.live.get(keyOf(step));
  return live === undefined || (await placed(deps, live.id));
}

/** What was begun by the write, or is under way: back at the old version is not what was declared. */
async function rolledOut({ api, world, io, deadline }: Waiting, name: string): Promise<boolean> {
  // As the write has told it; it may be over by now.
  let id = world.live.get(keyOf({ kind: "application", name }))?.shown["active_rollout_id"];
  for (;;) {
    if (typeof id === "string") {
      const { outcome, rollout } = await follow({ api, io, deadline, say: () => undefined }, name, id);
      if (outcome === "failed") throw new Error(`rollout ${id} has failed: ${rollout.message}`);
      if (outcome === "waiting" || outcome === "paused") throw new RestsError(`rollout ${id}: ${lineOf(rollout)}`);
      if (outcome !== "replaced") return outcome === "completed";
    }
    const { result } = await api.send("GET /applications/{id}", { params: { id: name } });
    if (result.active_rollout_id === undefined || result.active_rollout_id === id) return true;
    id = result.active_rollout_id;
  }
}

/** Of an application that the manifest may not declare. */
function rolledBy({ resources }: Waiting, { kind, name }: { kind: string; name: string }): string | null {
  const rollout = resources.find((one) => one.kind === kind && one.name === name);
  const application = rollout?.spec["application"];
  return application instanceof Reference ? application.name : typeof application === "string" ? application : null;
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
