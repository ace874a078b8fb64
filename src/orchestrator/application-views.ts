/** What an application tells about itself, from its rows and from what its other shards have said. Only looks. */
import type { Timers } from "../timers.ts";
import { isSettled } from "./conditions.ts";
import type { StoredConfiguration } from "./configurations.ts";
import type { DeploymentStore } from "./deployment-store.ts";
import { countHealth } from "./health.ts";
import { desiredPlace } from "./placement/desired-place.ts";
import type { Places } from "./placement/places.ts";
import { isLeaving, isLive, isPooled } from "./plan/deployment.ts";
import { servingIn } from "./rollouts/begin.ts";
import { deadlineOf } from "./rollouts/advance.ts";
import { rolloutNotFound, type RolloutControl } from "./rollouts/rollout-control.ts";
import type { RolloutsLog } from "./rollouts/rollouts-log.ts";
import { PASS_TIMER, type Scheduler } from "./scheduler.ts";
import type { Coordinator } from "./shards/coordinator.ts";
import { shareOf } from "./shards/sharding.ts";
import { countBy, merged, type Summary } from "./shards/summary.ts";
import type { ApplicationRow, Version } from "./storage/application-row.ts";
import {
  applicationView,
  failingOf,
  instanceViews,
  MOST_FAILING,
  wholeView,
  type ApplicationView,
  type InstanceView,
  type RolloutView,
} from "./views.ts";

export interface ApplicationViewsDeps {
  readonly deployments: DeploymentStore;
  readonly scheduler: Scheduler;
  readonly places: Places;
  readonly shards: Coordinator;
  readonly rollouts: RolloutsLog;
  readonly control: RolloutControl;
  readonly timers: Timers;
  readonly version: (version: number) => Version;
  readonly publicId: (deploymentId: string) => string;
}

export class ApplicationViews {
  readonly #deps: ApplicationViewsDeps;
  #stamp = 0;

  constructor(deps: ApplicationViewsDeps) {
    this.#deps = deps;
  }

  application(row: ApplicationRow): ApplicationView {
    const { deployments, rollouts, publicId } = this.#deps;
    const configuration = this.#configuration(row.activeVersion);
    const activeRolloutId = rollouts.current()?.id ?? null;
    if (row.sharding === undefined) {
      const view = applicationView(row, configuration, deployments.all(), publicId);
      return { ...view, activeRolloutId, retryAt: this.#retryAt(row) };
    }
    const { blocked, retryAt, ...whole } = this.whole(row);
    return { ...wholeView({ ...row, blocked }, configuration, whole), activeRolloutId, retryAt };
  }

  whole(row: ApplicationRow) {
    return merged(this.#deps.shards.summaries(row), MOST_FAILING);
  }

  /** Of what this object has. */
  summary(row: ApplicationRow): Summary {
    const { deployments, scheduler, places, control, publicId } = this.#deps;
    const all = deployments.all();
    const live = all.filter(isLive);
    this.#stamp = Math.max(this.#stamp + 1, Date.now());
    return {
      stamp: this.#stamp,
      generation: row.generation,
      turn: row.sharding?.turn ?? 0,
      health: countHealth(all, shareOf(row)),
      failing: failingOf(all, publicId),
      live: countBy(live, ({ version }) => version),
      pool: countBy(live.filter(isPooled), ({ version }) => version),
      ready: servingIn(all),
      locations: countBy(live, ({ location }) => location),
      placed: countBy(
        all.filter((deployment) => isPooled(deployment) && !isLeaving(deployment)),
        ({ location }) => location,
      ),
      failures: places.failures,
      isSettled: this.#isSettledHere(row),
      isOutdated: scheduler.isOutdated(row),
      blocked: row.blocked ?? null,
      retryAt: this.#retryAt(row),
      rollout: control.share(row, Date.now()),
    };
  }

  instances(row: ApplicationRow, deployments = this.#deps.deployments.all()): InstanceView[] {
    const { publicId } = this.#deps;
    return instanceViews(row, deployments, publicId, (version) => this.#configuration(version), this.#retryAt(row));
  }

  isSettled(row: ApplicationRow): boolean {
    if (row.deleting || !this.#isSettledHere(row)) return false;
    if (row.sharding === undefined) return true;
    const summaries = this.#deps.shards.summaries(row);
    return summaries.every((summary) => summary.isSettled && summary.generation >= row.generation);
  }

  rollout(row: ApplicationRow, id: string): RolloutView {
    const rollout = this.#deps.rollouts.get(id);
    if (rollout === null) throw rolloutNotFound(id);
    const { version, control } = this.#deps;
    const target = version(rollout.toVersion).revision;
    const whole = this.whole(row);
    const count = (of: Readonly<Record<number, number>>, isIt: (revision: string) => boolean) =>
      Object.entries(of).reduce((sum, [number, some]) => sum + (isIt(version(Number(number)).revision) ? some : 0), 0);
    const observed = row.rollout?.id === id ? control.observed(row, Date.now()) : null;
    const updated = count(whole.ready, (revision) => revision === target);
    return {
      rollout,
      current: this.#configuration(rollout.fromVersion),
      target: this.#configuration(rollout.toVersion),
      application: this.application(row),
      updated,
      // Of one that is over nobody looks for how long they have been ready.
      healthy: observed?.healthy ?? updated,
      old: count(whole.pool, (revision) => revision !== target),
      holding: [...(observed?.others ?? []), ...(observed?.named ?? [])],
      failing: observed?.failing ?? [],
      deadlineAt: deadlineOf(rollout),
    };
  }

  #isSettledHere(row: ApplicationRow): boolean {
    const { deployments, version } = this.#deps;
    const isOutdated = (number: number) => version(number).revision !== version(row.activeVersion).revision;
    const { isMisplaced } = desiredPlace(row);
    if (isMisplaced !== undefined && deployments.all().some((d) => isLive(d) && isMisplaced(d))) return false;
    return isSettled(deployments.all(), shareOf(row), isOutdated);
  }

  #configuration(version: number): StoredConfiguration {
    return this.#deps.version(version).configuration;
  }

  /** When what is blocked is tried again. */
  #retryAt({ blocked }: ApplicationRow): number | null {
    return blocked == null ? null : this.#deps.timers.dueAt(PASS_TIMER);
  }
}
