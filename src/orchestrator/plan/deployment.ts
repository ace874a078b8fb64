/**
 * A deployment as the scheduler keeps it: one durable slot of an application, and what is known of the container
 * lifetime (placement) in it. The planner, the observer and the wire views all read this one shape.
 */

/**
 * - `pending`: no container; starts at `nextStartAt`.
 * - `starting`: the start of `generation` is intended and may have happened; the process has not proved itself.
 * - `running`: the process proved itself; `ready` says whether it takes traffic.
 * - `stopping`: the stop of `generation` is intended and may have happened.
 */
export type DeploymentPhase = "pending" | "starting" | "running" | "stopping";

/** How a placement ended. `lost` is the platform's, never a success and never held against the user. */
export type OutcomeKind = "exited" | "stopped" | "lost" | "refused" | "never-started";

export interface Outcome {
  readonly kind: OutcomeKind;
  readonly exitCode: number | null;
  /** Machine-readable: `ExitedWithCode`, `Vanished`, `ImageDoesNotBoot`, `ScaledDown`… */
  readonly reason: string;
  readonly at: number;
}

export interface Deployment {
  readonly id: string;
  readonly slot: number;
  readonly createdAt: number;
  readonly phase: DeploymentPhase;
  readonly ready: boolean;
  /** Number of the current or last placement; 0 before the first. Every answer carries it, older ones are dropped. */
  readonly generation: number;
  /** Version whose configuration the current or last placement was started with; 0 before the first. */
  readonly version: number;
  /** When `phase` was entered. */
  readonly since: number;
  /** When the current placement first became ready, else null. */
  readonly readyAt: number | null;
  /** Consecutive ends that are the user's (exits, images that do not boot): the crash-loop back-off counts these. */
  readonly failures: number;
  /** Consecutive ends that are the platform's (lost, never started): a short back-off of their own. */
  readonly losses: number;
  readonly nextStartAt: number;
  /** Why `stopping`: `ScaledDown`, `Deleted`, `NeverStarted`, else null. */
  readonly stopReason: string | null;
  readonly last: Outcome | null;
}

/** A deployment that waits after a failure of its own: shown as `failed`, and the application as degraded. */
export function isFailing(deployment: Deployment): boolean {
  return deployment.phase === "pending" && deployment.failures > 0;
}
