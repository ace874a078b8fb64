/**
 * What a user's action on one instance does to its deployment's row. Pure. What is already as wished changes nothing and
 * costs nothing; what cannot be is refused with the way out. Each change is one event that names action and actor.
 */
import { assertNever } from "../assert-never.ts";
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import type { EventDraft } from "./events.ts";
import { intendStop } from "./intents.ts";
import { isLeaving, isLive, runsJobs, STOP, type Deployment, type Outcome } from "./plan/deployment.ts";
import type { ApplicationKind } from "./storage/application-row.ts";

export const INSTANCE_ACTIONS = ["start", "stop", "sleep", "restart", "destroy", "cordon", "uncordon"] as const;
export type InstanceAction = (typeof INSTANCE_ACTIONS)[number];

export interface ActionContext {
  /** Who asked, for the event. */
  readonly actor: string;
  /** Mark of the request, by which a retry of it knows its own work. */
  readonly request?: string;
  /** Of the instance, for messages. */
  readonly name: string;
  readonly kind: ApplicationKind;
  /** What a stop begins with, where it is not SIGTERM. */
  readonly signal?: number;
}

export interface Refusal {
  readonly type: "refused";
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export type Decision =
  | { readonly type: "unchanged" }
  | { readonly type: "changed"; readonly next: Deployment; readonly event: EventDraft }
  | Refusal;

const UNCHANGED: Decision = { type: "unchanged" };

export function decideAction(
  deployment: Deployment,
  action: InstanceAction,
  context: ActionContext,
  now: number,
): Decision {
  if (runsJobs(deployment)) {
    const way = "runs a job, which only its job ends: cancel or suspend the job";
    return refused("JOB_INSTANCE", deployment, context, way);
  }
  if (action === "destroy" && context.kind === "deployment") {
    return refused("DESTROY_IS_DELETE", deployment, context, "is a deployment of its own: delete the deployment");
  }
  if (isLeaving(deployment)) {
    const why = deployment.stopReason ?? deployment.last?.reason ?? "NotWanted";
    return action === "destroy"
      ? UNCHANGED
      : refused("INSTANCE_LEAVING", deployment, context, `is being removed (${why}): act on another instance`);
  }
  switch (action) {
    case "start": {
      return start(deployment, context, now);
    }
    case "stop": {
      return stop(deployment, context, now);
    }
    case "sleep": {
      return sleep(deployment, context, now);
    }
    case "restart": {
      return restart(deployment, "restart", context, now);
    }
    case "destroy": {
      return destroy(deployment, context, now);
    }
    case "cordon": {
      return cordon(deployment, context);
    }
    case "uncordon": {
      if (!deployment.cordoned) return UNCHANGED;
      return changed({ ...deployment, cordoned: false }, "InstanceUncordoned", action, context);
    }
    default: {
      return assertNever(action);
    }
  }
}

/** A new placement for the given one, if it is still the current one. */
export function decideReplacement(
  deployment: Deployment,
  generation: number,
  context: ActionContext,
  now: number,
): Decision {
  if (deployment.generation !== generation) {
    const message = `is at placement ${deployment.generation}, not ${generation}: read it again`;
    return refused("PLACEMENT_NOT_CURRENT", deployment, context, message);
  }
  if (isLeaving(deployment)) return decideAction(deployment, "restart", context, now);
  return restart(deployment, "replace", context, now);
}

function start(deployment: Deployment, context: ActionContext, now: number): Decision {
  const waits = deployment.phase === "pending" && deployment.nextStartAt > now;
  if (!deployment.held && !waits && deployment.isAsleep !== true) return UNCHANGED;
  const { isAsleep: _, ...awake } = deployment;
  const next = { ...withoutBackoff(awake, now), held: false };
  return changed(next, "InstanceStarted", "start", context);
}

function stop(deployment: Deployment, context: ActionContext, now: number): Decision {
  if (deployment.held) return UNCHANGED;
  const held = { ...deployment, held: true };
  if (isLive(deployment)) return stopped(held, STOP.stoppedByUser, "stop", context, now);
  // A start that is being given up stays the platform's fault; every other stop becomes the user's.
  const isGivenUp = deployment.stopReason === STOP.neverStarted;
  const stopReason = deployment.phase === "stopping" && !isGivenUp ? STOP.stoppedByUser : deployment.stopReason;
  return changed({ ...held, stopReason }, "InstanceStopped", "stop", context);
}

/** As if nobody had called it for long enough. */
function sleep(deployment: Deployment, context: ActionContext, now: number): Decision {
  if (deployment.name === undefined) {
    return refused("INSTANCE_NOT_NAMED", deployment, context, "is a member of the pool, which does not sleep: stop it");
  }
  if (deployment.isAsleep === true || deployment.held) return UNCHANGED;
  const asleep = { ...deployment, isAsleep: true };
  if (isLive(deployment)) return stopped(asleep, STOP.idle, "sleep", context, now);
  return changed(asleep, "InstanceSlept", "sleep", context);
}

function restart(deployment: Deployment, verb: string, context: ActionContext, now: number): Decision {
  if (deployment.held) {
    return refused("INSTANCE_HELD", deployment, context, `was stopped by a user and stays so: start it`);
  }
  if (isLive(deployment)) return stopped(deployment, STOP.restarted, verb, context, now);
  // What is being stopped is started again anyway, and so is what waits for nothing.
  if (deployment.phase === "stopping" || deployment.nextStartAt <= now) return UNCHANGED;
  return changed(withoutBackoff(deployment, now), "InstanceRestarted", verb, context);
}

function destroy(deployment: Deployment, context: ActionContext, now: number): Decision {
  const free = { ...deployment, held: false };
  if (isLive(deployment)) return stopped(free, STOP.destroyed, "destroy", context, now);
  if (deployment.phase === "stopping") {
    return changed({ ...free, stopReason: STOP.destroyed }, "InstanceDestroyed", "destroy", context);
  }
  const last: Outcome = { kind: "stopped", exitCode: null, reason: STOP.destroyed, at: now };
  return changed({ ...free, last }, "InstanceDestroyed", "destroy", context);
}

function cordon(deployment: Deployment, context: ActionContext): Decision {
  if (deployment.cordoned) return UNCHANGED;
  if (!isLive(deployment)) {
    const message = `has no container that runs (${deployment.phase}), and a cordon ends with its container: start it first`;
    return refused("INSTANCE_NOT_RUNNING", deployment, context, message);
  }
  return changed({ ...deployment, cordoned: true }, "InstanceCordoned", "cordon", context);
}

export function withoutBackoff(deployment: Deployment, now: number): Deployment {
  const nextStartAt = Math.min(deployment.nextStartAt, now);
  return { ...deployment, failures: 0, losses: 0, nextStartAt };
}

/** A stop that is begun here is told as every stop is, with who asked. */
function stopped(deployment: Deployment, reason: string, verb: string, context: ActionContext, now: number): Decision {
  const { next, event } = intendStop(deployment, reason, now, context.signal);
  const message = `${event.message} (${verb} by ${context.actor})`;
  const details = { ...event.details, ...told(verb, context) };
  return { type: "changed", next, event: { ...event, message, details } };
}

function changed(next: Deployment, name: string, verb: string, context: ActionContext): Decision {
  const event: EventDraft = {
    type: "Info",
    name,
    message: `${verb} of ${context.name} by ${context.actor}`,
    deployment: next.id,
    generation: next.generation,
    details: told(verb, context),
  };
  return { type: "changed", next, event };
}

function told(action: string, { actor, request }: ActionContext): Record<string, string> {
  return { action, actor, ...(request === undefined ? {} : { request }) };
}

function refused(code: ErrorCode, deployment: Deployment, context: ActionContext, message: string): Refusal {
  const details = { instance: context.name, deployment_id: deployment.id };
  return { type: "refused", code, message: `instance ${context.name} ${message}`, details };
}
