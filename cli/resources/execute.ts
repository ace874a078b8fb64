/**
 * A plan, done: in order, each step once, whoever else is at it. What fails keeps back what needs it and nothing else.
 */
import { randomUUID } from "node:crypto";
import { describeFailure, isCode, type Api } from "../api.ts";
import type { Io } from "../io.ts";
import { describeProblem } from "../problems.ts";
import { assess, type Assessing, type Prepared } from "./assess.ts";
import type { Live } from "./driver.ts";
import { DRIVERS } from "./drivers/index.ts";
import { isOwned, isPart } from "./kinds.ts";
import { planOf, type PlanOptions, type Step } from "./plan.ts";
import { keyOf, partsOfName } from "./resource.ts";
import { valueOf } from "./value.ts";
import { forgetParts, readAgain } from "./world.ts";

export type Outcome = "done" | "unchanged" | "failed" | "skipped" | "late";

export interface Result {
  readonly step: Step;
  readonly outcome: Outcome;
  /** Why it failed, was skipped or is late. */
  readonly message: string | null;
}

export interface Executing extends Assessing {
  readonly io: Io;
  readonly options: PlanOptions;
  /** Until when references are waited for. */
  readonly deadline: number;
}

/** Others may write between our reading and our writing this often in a row. */
const MAX_TRIES = 5;
const PAUSE_MS = 500;

/** Somebody was faster: what there is must be looked at again. */
const OVERTAKEN = [
  "APPLICATION_ALREADY_EXISTS",
  "DEPLOYMENT_ALREADY_EXISTS",
  "SECRET_NAME_ALREADY_EXISTS",
  "SSH_PUBLIC_KEY_ALREADY_EXISTS",
  "IMAGE_REGISTRY_ALREADY_EXISTS",
  "IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS",
  "PRECONDITION_FAILED",
  "VERSION_MOVED",
  "IDEMPOTENCY_KEY_REUSED",
  "SCHEDULE_ALREADY_EXISTS",
];
const GONE = [
  "APPLICATION_NOT_FOUND",
  "DEPLOYMENT_NOT_FOUND",
  "SECRET_NAME_NOT_FOUND",
  "SSH_PUBLIC_KEY_NOT_FOUND",
  "IMAGE_REGISTRY_NOT_FOUND",
  "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND",
  "SCHEDULE_NOT_FOUND",
  "JOB_NOT_FOUND",
];

/** Everything but deletions. */
export async function executeWrites(
  deps: Executing,
  prepared: readonly Prepared[],
  steps: readonly Step[],
): Promise<Result[]> {
  const results = new Map<string, Result>();
  for (const step of steps) {
    const one = prepared.find(({ assessed }) => keyOf(assessed.resource) === keyOf(step));
    const failed = step.dependsOn.find((key) => ["failed", "skipped"].includes(results.get(key)?.outcome ?? ""));
    const result = (outcome: Outcome, message: string | null): Result => ({ step, outcome, message });
    if (one === undefined || step.action === "none") results.set(keyOf(step), result("unchanged", null));
    else if (failed !== undefined) results.set(keyOf(step), result("skipped", `needs ${failed}`));
    else {
      try {
        await write(deps, one, step);
        results.set(keyOf(step), result("done", null));
      } catch (error) {
        results.set(keyOf(step), result("failed", describeFailure(error)));
      }
    }
  }
  return [...results.values()];
}

async function write(deps: Executing, first: Prepared, planned: Step): Promise<void> {
  let [prepared, step] = [first, planned];
  // What could not be known before is known now.
  if (prepared.wanted.isPending) {
    const again = await look(deps, prepared, false);
    if (again === null) return;
    [prepared, step] = again;
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act(deps, prepared, step);
    } catch (error) {
      const isOvertaken = isCode(error, ...OVERTAKEN) || (step.action !== "create" && isCode(error, ...GONE));
      if (!isOvertaken || attempt === MAX_TRIES) throw error;
      const again = await look(deps, prepared, true);
      if (again === null) return;
      [prepared, step] = again;
    }
  }
}

/** Null: there is nothing to do any more. */
async function look(deps: Executing, before: Prepared, isOvertaken: boolean): Promise<[Prepared, Step] | null> {
  const { api, world, coming, io, deadline } = deps;
  const { resource } = before.assessed;
  if (isOvertaken) await readAgain(api, world, resource.kind === "rollout" ? "application" : resource.kind);
  coming.clear();
  for (;;) {
    const prepared = await assess(deps, resource);
    if (Array.isArray(prepared)) throw new Error(prepared.map(describeProblem).join("; "));
    const waited = prepared.pending.filter((reference) => !reference.startsWith("credentials/"));
    if (waited.length === 0) {
      const { steps, problems } = planOf([prepared.assessed], [], deps.options);
      const [step] = steps;
      if (problems.length > 0 || step === undefined) throw new Error(problems.map(describeProblem).join("; "));
      return step.action === "none" ? null : [prepared, step];
    }
    if (io.now() >= deadline) throw new Error(`there is no ${waited.join(", ")} yet`);
    await io.sleep(PAUSE_MS);
  }
}

async function act(deps: Executing, { assessed, wanted }: Prepared, step: Step): Promise<void> {
  const { api, io, world, options } = deps;
  const { resource, comparison, live } = assessed;
  const key = keyOf(resource);
  const driver = DRIVERS[resource.kind];
  const owner = isOwned(resource.kind) ? options.owner : null;
  const value = () => valueOf(resource, api, io);
  const base = { ...wanted, owner, comparison, value, key: newKey() };
  if ((step.adopts || (step.action === "replace" && assessed.owner === null)) && owner !== null) {
    await adopt(api, resource.kind, resource.name, owner);
    world.owners.set(key, owner);
  }
  let now: Live | null = null;
  if (step.action === "create") now = await driver.create({ ...base, live: null });
  else if (step.action === "update" && live !== null) now = await driver.update({ ...base, live });
  else if (step.action === "replace" && live !== null) {
    await remove(api, live);
    world.live.delete(key);
    if (resource.kind === "application") forgetParts(world, resource.name);
    now = await driver.create({ ...base, live: null, key: newKey() });
  }
  if (now !== null) world.live.set(resource.kind === "rollout" ? keyOf(now) : key, now);
  else if (step.action === "create") await readAgain(api, world, resource.kind);
  if (step.action === "create" && owner !== null) world.owners.set(key, owner);
}

async function adopt(api: Api, kind: string, name: string, owner: string): Promise<void> {
  if (isPart(kind)) {
    const { application: id, name: schedule } = partsOfName(name);
    const sent = { params: { id, schedule }, body: { owner }, idempotencyKey: newKey() };
    await api.send("PUT /applications/{id}/schedules/{schedule}/owner", sent);
    return;
  }
  await api.send("PUT /owners/{kind}/{name}", { params: { kind, name }, body: { owner }, idempotencyKey: newKey() });
}

/** Gone is gone, whoever did it. */
async function remove(api: Api, live: Live): Promise<void> {
  try {
    await DRIVERS[live.kind].remove(api, live, newKey());
  } catch (error) {
    if (!isCode(error, ...GONE)) throw error;
  }
}

export async function executeDeletions(
  { api, world }: Pick<Executing, "api" | "world">,
  steps: readonly Step[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const step of steps) {
    const live = world.live.get(keyOf(step));
    try {
      if (live !== undefined) await remove(api, live);
      world.live.delete(keyOf(step));
      results.push({ step, outcome: "done", message: null });
    } catch (error) {
      results.push({ step, outcome: "failed", message: describeFailure(error) });
    }
  }
  return results;
}

function newKey(): string {
  return `gantry-${randomUUID()}`;
}
