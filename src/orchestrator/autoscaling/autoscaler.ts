/**
 * Follows the load of an application: what its instances report and who waits, kept in memory, and the count that comes of
 * it. It decides when a report comes or somebody begins to wait; where nothing comes any more, one timer says when time
 * alone lowers the count. A decision that changes nothing costs nothing.
 */
import type { ApplicationRow } from "../storage/application-row.ts";
import { LoadSeries } from "./load-series.ts";
import { BURST_WINDOW_MS, decideScale, STABILIZATION_MS, STABLE_WINDOW_MS } from "./policy.ts";
import type { Autoscaling, Recommendation, ScaleDecision } from "./policy.ts";

/** What an instance says of its load. */
export interface LoadReport {
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  /** When it was so, by the instance's clock: what comes late or twice must not count again. */
  readonly at: number;
}

export interface AutoscalerDeps {
  readonly clock: () => number;
  readonly row: () => ApplicationRow | undefined;
  /** Callers that nobody can serve. */
  readonly waiting: () => number;
  readonly scale: (count: number, decision: ScaleDecision) => void;
  /** When to look again by itself; null: not at all. */
  readonly wakeAt: (at: number | null) => void;
  /** Since when there has been no load, as it was kept: an object without load is soon put out of memory. */
  readonly quietSince: () => number | null;
  readonly keepQuiet: (since: number | null) => void;
}

/** An instance says at least this often that it has something under way; one that does not has gone. */
const SILENT_AFTER_MS = 30_000;

export class Autoscaler {
  readonly #deps: AutoscalerDeps;
  readonly #reports = new Map<string, LoadReport>();
  /** What each said last was of then, also where it said that it has nothing. */
  readonly #heardAt = new Map<string, number>();
  #series: LoadSeries;
  #past: Recommendation[] = [];
  #loadedAt: number;
  #wakesAt: number | null | undefined;
  /** Count and policy as they were looked at last, so that what somebody else makes of them is known. */
  #seen: string;
  #isLoaded = false;
  #isScaling = false;

  constructor(deps: AutoscalerDeps) {
    this.#deps = deps;
    const now = deps.clock();
    this.#series = new LoadSeries(STABLE_WINDOW_MS, now);
    // Where nothing was kept there may have been load a moment ago.
    this.#loadedAt = Math.min(deps.quietSince() ?? now, now);
    const count = deps.row()?.spec.instances ?? 0;
    this.#past.push({ at: this.#loadedAt, count });
    this.#seen = this.#specified();
  }

  /** A user may have changed the count or what it follows: what he said stands like what a load asked for. */
  changed(): void {
    const { clock, row } = this.#deps;
    const specified = this.#specified();
    if (this.#isScaling || specified === this.#seen) return;
    this.#seen = specified;
    const now = clock();
    this.#loadedAt = now;
    this.#past.push({ at: now, count: row()?.spec.instances ?? 0 });
    this.#deps.keepQuiet(null);
    this.look();
  }

  /** Its own timer: where it has no load, that is worth keeping. */
  onTimer(): void {
    this.look();
    this.#keepQuiet();
  }

  #keepQuiet(): void {
    const { row, keepQuiet, quietSince } = this.#deps;
    const { instances = 0, autoscaling = null } = row()?.spec ?? {};
    if (this.#isLoaded || autoscaling === null || instances <= autoscaling.min) return;
    if (quietSince() === null) keepQuiet(this.#loadedAt);
  }

  #specified(): string {
    const { instances, autoscaling = null } = this.#deps.row()?.spec ?? {};
    return autoscaling === null ? "" : JSON.stringify([instances, autoscaling]);
  }

  report(deploymentId: string, load: LoadReport): void {
    const now = this.#deps.clock();
    const at = Math.min(load.at, now);
    if (at <= now - SILENT_AFTER_MS || at <= (this.#heardAt.get(deploymentId) ?? 0)) return;
    this.#heardAt.set(deploymentId, at);
    if (load.inFlight === 0 && load.requestsPerSecond === 0) this.#reports.delete(deploymentId);
    else this.#reports.set(deploymentId, { ...load, at });
    this.look();
  }

  /** Decides, if the application is to be scaled by its load. */
  look(): void {
    const { clock, row, waiting, scale, wakeAt } = this.#deps;
    const application = row();
    const policy = application?.spec.autoscaling ?? null;
    if (application === undefined || application.deleting || policy === null) {
      if (this.#wakesAt !== null) wakeAt((this.#wakesAt = null));
      return;
    }
    const now = clock();
    const carried = this.#total(policy, now);
    // Where none is wanted a warm one answers: that somebody came is as if he waited.
    const isAnsweredBySpare = application.spec.instances === 0 && this.#reports.size > 0;
    const waits = waiting() + (isAnsweredBySpare ? 1 : 0);
    const total = carried + waits;
    // Whatever the target is, who answers requests is not idle.
    this.#isLoaded = total > 0 || this.#reports.size > 0;
    if (this.#isLoaded) {
      this.#loadedAt = now;
      this.#deps.keepQuiet(null);
    }
    this.#series.put(total, now);
    const decision = decideScale({
      policy,
      count: application.spec.instances,
      stable: this.#series.average(STABLE_WINDOW_MS, now),
      burst: this.#series.average(BURST_WINDOW_MS, now),
      waiting: waits,
      past: this.#past,
      loadedAt: this.#loadedAt,
      now,
    });
    this.#remember(decision, now);
    // While there is load its reports come; a timer is for when they do not.
    const lookAt = total > 0 ? this.#silentAt(now) : this.#settlesAt(decision, now);
    if (!isSoonEnough(this.#wakesAt, lookAt, now)) {
      wakeAt((this.#wakesAt = lookAt));
      // As seldom as the timer is moved: by then this object may have forgotten it.
      if (lookAt !== null) this.#keepQuiet();
    }
    if (decision.count === application.spec.instances) return;
    this.#isScaling = true;
    scale(decision.count, decision);
    this.#isScaling = false;
    this.#seen = this.#specified();
  }

  /** The averages fall for a while after the load has gone. */
  #settlesAt({ lookAt, count }: ScaleDecision, now: number): number | null {
    const { min = 0 } = this.#deps.row()?.spec.autoscaling ?? {};
    if (count <= min) return null;
    const settled = now + STABLE_WINDOW_MS;
    return lookAt === null ? settled : Math.max(lookAt, Math.min(settled, now + BURST_WINDOW_MS));
  }

  /** When the first of those that report would be taken for gone; callers that wait are looked at as often. */
  #silentAt(now: number): number {
    let first = now;
    for (const { at } of this.#reports.values()) first = Math.min(first, at);
    return first + SILENT_AFTER_MS;
  }

  #total({ target }: Autoscaling, now: number): number {
    for (const [id, at] of this.#heardAt) if (at <= now - SILENT_AFTER_MS) this.#heardAt.delete(id);
    let total = 0;
    for (const [id, { at, inFlight, requestsPerSecond }] of this.#reports) {
      if (at <= now - SILENT_AFTER_MS) this.#reports.delete(id);
      else if (target.kind === "concurrency") total += inFlight;
      else if (target.kind === "rps") total += requestsPerSecond;
    }
    return total;
  }

  /** Of those that no later one exceeds: the others hold nothing up. */
  #remember({ asked }: ScaleDecision, now: number): void {
    const kept = this.#past.filter(({ at, count }) => at > now - STABILIZATION_MS && count > asked);
    this.#past = [...kept, { at: now, count: asked }];
  }
}

/**
 * A timer that is moved costs two rows: one that comes too early looks again, which is cheaper than to move it at every
 * report, and some seconds too late make no difference.
 */
function isSoonEnough(wakesAt: number | null | undefined, lookAt: number | null, now: number): boolean {
  if (wakesAt === undefined || wakesAt === null || lookAt === null) return wakesAt === lookAt;
  return wakesAt > now && wakesAt < lookAt + 5_000;
}
