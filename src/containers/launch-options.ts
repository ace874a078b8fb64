/** From a launch order to what the platform is told. */
import { drainMsOf } from "../orchestrator/probe-spec.ts";
import type { LaunchOrder } from "../orchestrator/scheduler-deps.ts";
import { describeError } from "../errors.ts";
import { DEFAULT_MAX_HOLD_MS } from "./busy.ts";
import type { ContainerPort, StartOptions } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

/** The platform stops a container this long after its object leaves memory; six hours is its maximum. */
const MAX_INACTIVITY_MS = 6 * 3_600_000;
const STOP_MARGIN_MS = 60_000;

export function startOptions(order: LaunchOrder, image: string, { reach }: Pick<RunRecord, "reach">): StartOptions {
  const { size, entrypoint } = order.spec;
  const { snapshotId: snapshot } = order;
  const from = snapshot === undefined ? { image } : { image, snapshot };
  const isOpen = reach === "internal";
  return { ...from, size, entrypoint, env: launchEnv(order), labels: launchLabels(order), isOpen };
}

/** Long enough that two looks may fail before the platform gives up on us, and that a stop ends by itself. */
export function inactivityMs(
  record: Pick<
    RunRecord,
    "checkEveryMs" | "phase" | "drainTimeoutMs" | "rolloutDrainMs" | "stopGraceMs" | "busy" | "maxHoldMs" | "stop"
  >,
): number {
  const { checkEveryMs, phase, stopGraceMs, busy, stop, maxHoldMs = DEFAULT_MAX_HOLD_MS } = record;
  const ownMs = drainMsOf(record, stop?.reason ?? null);
  const drainMs = busy === undefined ? ownMs : Math.max(ownMs, maxHoldMs);
  const stopMs = phase === "stopping" ? drainMs + stopGraceMs + STOP_MARGIN_MS : 0;
  return Math.min(MAX_INACTIVITY_MS, Math.max(3 * checkEveryMs, stopMs));
}

export async function keepFor(port: ContainerPort, record: RunRecord): Promise<void> {
  await port.setInactivityTimeout(inactivityMs(record)).catch((error: unknown) => {
    console.warn({ message: "container.inactivity.failed", error: describeError(error) });
  });
}

function launchEnv(order: LaunchOrder): Record<string, string> {
  return {
    ...(order.location === undefined ? {} : { GANTRY_LOCATION: order.location }),
    ...order.spec.env,
    GANTRY_APPLICATION: order.applicationName,
    GANTRY_INSTANCE: order.instanceName,
    GANTRY_DEPLOYMENT: order.deploymentId,
    GANTRY_GENERATION: String(order.generation),
    ...(order.bridgeToken === undefined ? {} : { GANTRY_BRIDGE_TOKEN: order.bridgeToken }),
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
