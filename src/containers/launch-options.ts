/** From a launch order to what the platform is told. */
import type { LaunchOrder } from "../orchestrator/scheduler.ts";
import type { StartOptions } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

/** The platform stops a container this long after its object leaves memory; six hours is its maximum. */
const MAX_INACTIVITY_MS = 6 * 3_600_000;
const STOP_MARGIN_MS = 60_000;

export function startOptions(order: LaunchOrder, image: string): StartOptions {
  const { size, entrypoint } = order.spec;
  return { image, size, entrypoint, env: launchEnv(order), labels: launchLabels(order) };
}

/** Long enough that two looks may fail before the platform gives up on us, and that a stop ends by itself. */
export function inactivityMs(
  record: Pick<RunRecord, "checkEveryMs" | "phase" | "drainTimeoutMs" | "stopGraceMs">,
): number {
  const { checkEveryMs, phase, drainTimeoutMs, stopGraceMs } = record;
  const stopMs = phase === "stopping" ? drainTimeoutMs + stopGraceMs + STOP_MARGIN_MS : 0;
  return Math.min(MAX_INACTIVITY_MS, Math.max(3 * checkEveryMs, stopMs));
}

function launchEnv(order: LaunchOrder): Record<string, string> {
  return {
    ...(order.location === undefined ? {} : { GANTRY_LOCATION: order.location }),
    ...order.spec.env,
    GANTRY_APPLICATION: order.applicationName,
    GANTRY_INSTANCE: order.instanceName,
    GANTRY_DEPLOYMENT: order.deploymentId,
    GANTRY_GENERATION: String(order.generation),
  };
}

/** The platform takes ten labels, names of 16 and values of 64 bytes: ours are five of them. */
function launchLabels(order: LaunchOrder): Record<string, string> {
  return {
    ...order.spec.labels,
    "gantry.app": order.applicationName,
    "gantry.dep": order.deploymentId,
    "gantry.version": String(order.version),
    "gantry.gen": String(order.generation),
    [REVISION_LABEL]: order.revision,
  };
}

export const REVISION_LABEL = "gantry.revision";
