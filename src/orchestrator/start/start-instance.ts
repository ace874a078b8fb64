/**
 * `start` of one that is called by name, with a choice. What runs, or is about to, keeps what it was started with: another
 * choice is a conflict. What sleeps takes the newest. Everything that can refuse comes before the one write, which is the
 * intent of the start.
 */
import { GantryError } from "../../errors.ts";
import { masterKeys } from "../../sealing.ts";
import type { ApplicationCore } from "../application-core.ts";
import type { EventDraft } from "../events.ts";
import { withoutBackoff } from "../instance-actions.ts";
import { isCallable } from "../names.ts";
import { isLeaving, isLive, STOP, type Deployment } from "../plan/deployment.ts";
import { differing, fieldsOf, isBare, overrideOf, type ChoiceField, type StartChoice } from "./choice.ts";
import { keptChoice, openChoice, sealChoice } from "./kept.ts";
import { reserveSize, settleSizes } from "./sizes.ts";
import { requireSnapshot } from "./snapshots.ts";
import type { WaitingChoice } from "./waiting.ts";

export interface StartRequest {
  /** What it is called by, or another of its names. */
  readonly key: string;
  readonly choice: StartChoice;
  readonly waitMs: number;
  readonly until: "ready" | "begun";
  readonly actor: string;
  /** A user's hold is lifted, and no back-off waited for: the action of the API. */
  readonly isAction: boolean;
}

/** Null when there is no such instance, and no call would make it. */
export function nameToStart(core: ApplicationCore, { key }: StartRequest, owner: number | null): string | null {
  const row = core.mustRow();
  const known = owner === 0 ? core.find(key) : undefined;
  if (known?.name !== undefined) return known.name;
  if (known !== undefined || (owner !== null && owner !== 0)) {
    const message = `instance ${key.slice(0, 150)} is a member of the pool, which starts as its configuration says: change that, or call an instance by a name`;
    throw new GantryError("INSTANCE_NOT_NAMED", message, { instance: key.slice(0, 150) });
  }
  return (row.spec.namedInstances ?? 0) > 0 && isCallable(row.name, key) ? key : null;
}

export async function startInstance(
  core: ApplicationCore,
  env: Env,
  name: string,
  request: StartRequest,
): Promise<Deployment> {
  const deadline = Date.now() + request.waitMs;
  const intents: string[] = [];
  try {
    const choice = await settled(core, env, name, request, intents);
    // In the turn in which that was settled.
    ease(core, name, request, choice !== undefined);
    const { until, isAction } = request;
    const start = { choice, until, waitsForTurn: !isAction };
    return await core.named.call(name, Math.max(0, deadline - Date.now()), start);
  } finally {
    for (const intent of intents) await settleSizes(core, env, intent);
  }
}

/** What it is to be started with; undefined when that is what it has. Throws when it runs with something else. */
async function settled(
  core: ApplicationCore,
  env: Env,
  name: string,
  { choice }: StartRequest,
  intents: string[],
): Promise<WaitingChoice | undefined> {
  if (isBare(choice)) return undefined;
  const keys = masterKeys(env);
  let waiting: WaitingChoice | null = null;
  let isReserved = false;
  for (;;) {
    const row = core.mustRow();
    const other = core.named.choices.get(name);
    if (other !== undefined) {
      refuseOther(name, differing(choice, other.choice));
      return other;
    }
    const known = core.deployments.named(name);
    const differs = await differingFromKept(core, keys, row.id, known, choice);
    // Anything may have happened meanwhile: what follows is one turn.
    if (core.named.choices.get(name) !== undefined) continue;
    if (!isSame(known, core.deployments.named(name))) continue;
    if (differs.length === 0) return undefined;
    if (known !== undefined && isCommitted(known)) refuseOther(name, differs);
    if (choice.snapshot !== undefined) requireSnapshot(row.name, known, choice.snapshot);
    if (waiting === null) {
      const id = crypto.randomUUID();
      const kept = { id, sealed: await sealChoice(keys, row.id, id, choice) };
      waiting = { override: overrideOf(id, choice), choice, kept };
    } else if (!isReserved) {
      const intent = await reserveSize(core, env, name, waiting.override);
      if (intent !== null) intents.push(intent);
      isReserved = true;
    } else return waiting;
  }
}

async function differingFromKept(
  core: ApplicationCore,
  keys: readonly string[],
  application: string,
  known: Deployment | undefined,
  choice: StartChoice,
): Promise<ChoiceField[]> {
  if (known === undefined || isLeaving(known)) return fieldsOf(choice);
  const kept = known.override === undefined ? undefined : keptChoice(core.db, known.id);
  if (kept === undefined) return fieldsOf(choice);
  try {
    return differing(choice, await openChoice(keys, application, kept));
  } catch (error) {
    // What no key opens is replaced by whoever may replace it.
    if (!GantryError.is(error) || error.code !== "SECRET_UNREADABLE") throw error;
    return [...new Set([...fieldsOf(choice), ...(known.override?.fields ?? [])])];
  }
}

function isSame(a: Deployment | undefined, b: Deployment | undefined): boolean {
  return (
    a?.id === b?.id && a?.override?.id === b?.override?.id && a?.generation === b?.generation && a?.phase === b?.phase
  );
}

/** It runs, or is going to without anybody's call. */
function isCommitted(deployment: Deployment): boolean {
  const { phase, held, isAsleep, stopReason } = deployment;
  if (held || isLeaving(deployment)) return false;
  if (phase === "pending") return isAsleep !== true;
  return isLive(deployment) || stopReason === STOP.restarted;
}

function refuseOther(name: string, differs: readonly ChoiceField[]): void {
  if (differs.length === 0) return;
  const message = `instance ${name} runs, or is being started, with another ${differs.join(", ")}: stop it first, or destroy it`;
  throw new GantryError("START_CONFLICT", message, { instance_name: name, differs });
}

/** What was chosen anew need not wait for what came of the old; who asks by the API's action lifts a user's hold. */
function ease(core: ApplicationCore, name: string, { isAction, actor }: StartRequest, isNew: boolean): void {
  const known = core.deployments.named(name);
  const now = Date.now();
  if (known === undefined || known.phase !== "pending" || isLeaving(known)) return;
  const waits = known.nextStartAt > now && (isAction || isNew);
  if (!waits && !(known.held && isAction)) return;
  const next = { ...withoutBackoff(known, now), held: known.held && !isAction, isAsleep: true };
  const event: EventDraft = {
    type: "Info",
    name: "InstanceStarted",
    message: `start of ${name} by ${actor}`,
    deployment: known.id,
    generation: known.generation,
    details: { action: "start", actor },
  };
  core.scheduler.act(known, { type: "changed", next, event });
}
