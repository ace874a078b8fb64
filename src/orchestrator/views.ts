/** What the Application object tells the API: plain data, close to the rows. The wire form is made in `src/api`. */
import { etagOf } from "../etag.ts";
import type { InstanceCounts } from "./change-plan.ts";
import type { StoredConfiguration } from "./configurations.ts";
import {
  applicationState,
  countHealth,
  instanceState,
  type ApplicationState,
  type HealthCounts,
  type InstanceState,
} from "./health.ts";
import { isFailing, isLeaving, STOP, type Deployment } from "./plan/deployment.ts";
import type { Plan } from "./plan/plan.ts";
import type { BlockedReason } from "./placement/placing.ts";
import { nameOf } from "./names.ts";
import type { Rollout } from "./rollouts/rollout.ts";
import type { ApplicationRow, Blocked, Version } from "./storage/application-row.ts";
import { wantedOf } from "./warm.ts";

export interface ApplicationView {
  readonly row: ApplicationRow;
  readonly configuration: StoredConfiguration;
  readonly health: HealthCounts;
  readonly state: ApplicationState;
  /** Why instances wait after a failure of their own: the first of them. */
  readonly failing: readonly Failing[];
  readonly etag: string;
  readonly activeRolloutId?: string | null;
  /** When a placement that is blocked is tried again. */
  readonly retryAt?: number | null;
}

export interface Failing {
  readonly instanceId: string;
  readonly reason: string;
}

/** What a pass would do now. */
export interface PlannedView {
  readonly application: ApplicationView;
  readonly plan: Plan;
  readonly instances: readonly InstanceView[];
}

export interface InstanceView {
  readonly instanceId: string;
  readonly name: string;
  readonly state: InstanceState;
  readonly deployment: Deployment;
  readonly configuration: StoredConfiguration;
  /** Why it waits, when it is not for its time. */
  readonly blocked?: Blocked;
  readonly retryAt?: number | null;
}

export interface VersionView extends Version {
  readonly active: boolean;
  /** Live instances on it. Those that run the active version's revision under another number are the active version's. */
  readonly instances: number;
}

export interface PutPreview {
  readonly before: ApplicationView;
  readonly after: ApplicationView;
  readonly instances: InstanceCounts;
}

export interface RolloutView {
  readonly rollout: Rollout;
  readonly current: StoredConfiguration;
  readonly target: StoredConfiguration;
  readonly application: ApplicationView;
  /** Ready instances of the target's revision. */
  readonly updated: number;
  /** Of those, ready for `min_healthy_time`. */
  readonly healthy: number;
  /** Live ones of another revision. */
  readonly old: number;
  /** Live instances that do not report the target, by name. */
  readonly holding: readonly string[];
  /** What those at the target that are not ready say of it, by name. */
  readonly failing: readonly string[];
  /** When it fails if nothing becomes healthy; null: it does not by time. */
  readonly deadlineAt: number | null;
}

export interface DeploymentsView {
  readonly application: ApplicationView;
  readonly instances: InstanceView[];
}

/** `live`: how many instances of each version are. */
export function versionViews(
  { activeVersion }: ApplicationRow,
  versions: readonly Version[],
  live: Readonly<Record<number, number>>,
): VersionView[] {
  const revisions = new Map(versions.map(({ version, revision }) => [version, revision]));
  const counts = new Map<number, number>();
  for (const { version } of versions) {
    const adopted = revisions.get(version) === revisions.get(activeVersion) ? activeVersion : version;
    counts.set(adopted, (counts.get(adopted) ?? 0) + (live[version] ?? 0));
  }
  return versions.map((version) => ({
    ...version,
    active: version.version === activeVersion,
    instances: counts.get(version.version) ?? 0,
  }));
}

export function applicationView(
  row: ApplicationRow,
  configuration: StoredConfiguration,
  deployments: readonly Deployment[],
  publicId: (deploymentId: string) => string,
): ApplicationView {
  const health = countHealth(deployments, wantedOf(row.spec));
  return wholeView(row, configuration, { health, failing: failingOf(deployments, publicId) });
}

export function wholeView(
  row: ApplicationRow,
  configuration: StoredConfiguration,
  { health, failing }: Pick<ApplicationView, "health" | "failing">,
): ApplicationView {
  return { row, configuration, health, state: applicationState(health), failing, etag: etagOf(row.id, row.generation) };
}

/** Enough to see what is wrong; the instances tell the rest. */
export const MOST_FAILING = 10;

export function failingOf(deployments: readonly Deployment[], publicId: (deploymentId: string) => string): Failing[] {
  return deployments
    .filter((deployment) => isFailing(deployment))
    .slice(0, MOST_FAILING)
    .map(({ id, last, failures }) => {
      const code = last?.exitCode == null ? "" : `, exit code ${last.exitCode}`;
      const text = last?.message === undefined ? "" : `: ${last.message}`;
      return { instanceId: publicId(id), reason: `${last?.reason ?? "Failed"}${code}, ${failures} in a row${text}` };
    });
}

export function instanceViews(
  row: ApplicationRow,
  deployments: readonly Deployment[],
  publicId: (deploymentId: string) => string,
  configurationOf: (version: number) => StoredConfiguration,
  retryAt: number | null = null,
): InstanceView[] {
  return deployments
    .toSorted((a, b) => a.slot - b.slot || a.createdAt - b.createdAt)
    .map((deployment) => ({
      instanceId: publicId(deployment.id),
      name: nameOf(row.name, deployment),
      state: instanceState(deployment),
      deployment,
      configuration: configurationOf(deployment.version),
      ...blockedView(deployment, row, retryAt),
    }));
}

/** What the platform has no container for waits for its own time, everything else for its account's. */
const REFUSALS: Readonly<Record<string, BlockedReason>> = {
  NoCapacity: "NoCapacity",
  MaxInstances: "MaxInstances",
  RateLimited: "StartRate",
};

function blockedView(
  deployment: Deployment,
  { blocked }: ApplicationRow,
  retryAt: number | null,
): Pick<InstanceView, "blocked" | "retryAt"> {
  const { phase, held, last, since, nextStartAt } = deployment;
  if (phase !== "pending" || held || isLeaving(deployment)) return {};
  const reason = last?.kind === "unavailable" ? REFUSALS[last.reason] : undefined;
  if (reason !== undefined && nextStartAt > since) return { blocked: { reason, since }, retryAt: nextStartAt };
  if (blocked == null || isFailing(deployment)) return {};
  const isShort = Object.values(REFUSALS).includes(blocked.reason);
  const isUnsatisfied = last?.reason === STOP.unsatisfied;
  return isUnsatisfied ? (isShort ? {} : { blocked }) : isShort ? { blocked, retryAt } : {};
}
