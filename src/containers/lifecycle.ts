/**
 * The life of one container at a time: launch, proof of start, readiness, keep-alive, stop, end. The Instance object
 * forwards to it. Every step belongs to a generation; what comes back late from an older one is dropped.
 */
import type { Database } from "../database.ts";
import { describeError } from "../errors.ts";
import type { InstanceAnswer, LaunchOrder } from "../orchestrator/scheduler.ts";
import { isFinalStop, STOP } from "../orchestrator/plan/deployment.ts";
import type { Timers } from "../timers.ts";
import { CLEAN_EXIT, endingOf, type Ending } from "./exit.ts";
import { HealthWatch } from "./health-watch.ts";
import { InFlight } from "./in-flight.ts";
import { inactivityMs, REVISION_LABEL, startOptions } from "./launch-options.ts";
import type { ContainerPort } from "./port.ts";
import type { Readiness } from "./readiness.ts";
import { Reporter, type ReporterDeps } from "./reporter.ts";
import { newRecord, readRecord, reportOf, tombstone, writeRecord, type RunRecord } from "./run-record.ts";

/** Requests under way get this long before SIGTERM. */
export const DRAIN_MS = 5_000;
/** From SIGTERM to SIGKILL. */
export const STOP_GRACE_MS = 10_000;
/** A pending `monitor()` stops reporting after 15 minutes, so it is renewed before. */
const MONITOR_RENEW_MS = 600_000;
const REPORT_RETRY_MS = 1_000;
const SIGTERM = 15;
const UNREACHABLE = "Unreachable";

/** `keepalive`: the next look; in a stop, when it is over. One timer, since each costs rows of its own. */
export const TIMER = { keepalive: "keepalive", report: "report" } as const;

export interface LifecycleDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly port: ContainerPort;
  readonly clock: () => number;
  /** Tells the application. */
  readonly report: ReporterDeps["send"];
  /**
   * Drops this lifetime of the object and what the platform remembers of its container. A networking sidecar that died
   * is found missing only by a new lifetime; nothing is lost, since everything that counts is written first.
   */
  readonly reset: (why: string) => void;
  /** Keeps the object alive for work that no request waits for. */
  readonly background: (work: Promise<void>) => void;
}

export class Lifecycle {
  readonly inFlight = new InFlight();
  readonly #deps: LifecycleDeps;
  #record: RunRecord | null;
  #monitorSince = 0;
  /** Why we are destroying a generation: the monitor then only adds the exit code. */
  #cause: { readonly generation: number; readonly ending: Ending } | null = null;
  readonly #watch: HealthWatch;
  readonly #reporter: Reporter;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.#record = readRecord(deps.db);
    this.#watch = new HealthWatch({
      port: deps.port,
      clock: deps.clock,
      live: (generation) => this.#live(generation),
      onReadiness: (record, readiness) => this.#applyReadiness(record, readiness),
      onVanished: (record) => this.#noticeVanished(record),
      onUnreachable: (generation) => this.#destroy(generation, { kind: "lost", exitCode: null, reason: UNREACHABLE }),
      background: (work) => this.#background(work),
    });
    this.#reporter = new Reporter({
      current: () => this.#record,
      send: deps.report,
      onReply: async (record, { owned, checkEveryMs }) => {
        deps.timers.clear(TIMER.report);
        // What is on its way out for good is released, timers and all.
        const isReleased = owned && isFinalStop(record.stopReason);
        if (record.phase === "ended" && record === this.#record && !isReleased) deps.timers.clear(TIMER.keepalive);
        if (owned) this.#followInterval(record.generation, checkEveryMs);
        else await this.#disown(record.generation);
      },
      onFailure: () => deps.timers.set(TIMER.report, deps.clock() + REPORT_RETRY_MS),
    });
  }

  get record(): RunRecord | null {
    return this.#record;
  }

  /** After the object came into memory: takes up what an earlier lifetime left. Runs before any request. */
  async resume(): Promise<void> {
    const { port } = this.#deps;
    const record = this.#record;
    if (record === null || record.phase === "ended") {
      if (port.running) await port.destroy();
      return;
    }
    if (!port.running) {
      this.#end(record.generation, { kind: "lost", exitCode: null, reason: "Vanished" });
      return;
    }
    await port.setInactivityTimeout(inactivityMs(record));
    this.#monitor(record.generation);
    if (record.phase === "stopping") this.#background(this.#drain(record.generation));
    else if (!record.ready) this.#watch.prove(record.generation);
  }

  async launch(order: LaunchOrder): Promise<InstanceAnswer> {
    const { port, timers, db, clock } = this.#deps;
    const previous = this.#record;
    if (previous !== null && order.generation <= previous.generation) return this.#answer();
    const record = newRecord(order, clock());
    this.#record = record;
    db.transaction(() => {
      writeRecord(db, record);
      timers.set(TIMER.keepalive, clock() + record.checkEveryMs);
    });
    if (port.running) await port.destroy();
    if (this.#record !== record) return this.#answer();
    const image = port.images[order.spec.image];
    if (image === undefined) {
      this.#end(record.generation, { kind: "refused", exitCode: null, reason: "ImageNotDeclared" });
      return this.#answer();
    }
    try {
      port.start(startOptions(order, image));
    } catch (error) {
      console.warn({ message: "container.start.failed", generation: record.generation, error: describeError(error) });
      this.#end(record.generation, endingOf(error));
      return this.#answer();
    }
    this.#monitor(record.generation);
    this.#watch.prove(record.generation);
    await port.setInactivityTimeout(inactivityMs(record)).catch((error: unknown) => {
      console.warn({ message: "container.inactivity.failed", error: describeError(error) });
    });
    return this.#answer();
  }

  /** Stops the given generation; idempotent. A generation that never came is marked as ended, so that it never will. */
  async retire(deploymentId: string, generation: number, reason: string): Promise<InstanceAnswer> {
    const { db, timers, port, clock } = this.#deps;
    const record = this.#record;
    if (record === null || generation > record.generation) {
      this.#record = tombstone(deploymentId, generation, reason);
      writeRecord(db, this.#record);
      timers.clear(TIMER.keepalive);
      if (port.running) await port.destroy();
      return this.#answer();
    }
    if (generation < record.generation || record.phase === "ended" || record.phase === "stopping") {
      return this.#answer();
    }
    const now = reason === STOP.neverStarted;
    const patienceMs = now ? 0 : (this.inFlight.count === 0 ? 0 : DRAIN_MS) + STOP_GRACE_MS;
    db.transaction(() => {
      this.#write({ ...record, phase: "stopping", ready: false, stopReason: reason });
      timers.set(TIMER.keepalive, clock() + patienceMs);
    });
    if (!port.running) this.#end(generation, { kind: "stopped", exitCode: null, reason });
    else if (!now) this.#background(this.#drain(generation));
    return this.#answer();
  }

  /** How is it? Looks instead of trusting the row. */
  async check(deploymentId: string, generation: number): Promise<InstanceAnswer> {
    const record = this.#record;
    if (record === null) return await this.retire(deploymentId, generation, "Unknown");
    this.#noticeVanished(record);
    return this.#answer();
  }

  async onTimer(key: string): Promise<void> {
    switch (key) {
      case TIMER.keepalive: {
        await this.#keepAlive();
        return;
      }
      case TIMER.report: {
        await this.#reporter.report();
        return;
      }
      default: {
        console.warn({ message: "timer.unknown", key });
      }
    }
  }

  /** A request got no answer. */
  suspect(): void {
    if (this.#record?.phase === "running") this.#watch.suspect(this.#record.generation);
  }

  #answer(): InstanceAnswer {
    const record = this.#record;
    if (record === null) throw new Error("no placement is recorded here");
    return { generation: record.generation, report: reportOf(record) };
  }

  #write(next: RunRecord): void {
    this.#record = next;
    writeRecord(this.#deps.db, next);
  }

  /** The record of this generation while it lives, else undefined: whoever comes late stops here. */
  #live(generation: number): RunRecord | undefined {
    const record = this.#record;
    return record !== null && record.generation === generation && record.phase !== "ended" ? record : undefined;
  }

  #background(work: Promise<void>): void {
    this.#deps.background(
      work.catch((error: unknown) => console.error({ message: "instance.background", error: describeError(error) })),
    );
  }

  #monitor(generation: number): void {
    this.#monitorSince = this.#deps.clock();
    this.#background(
      this.#deps.port.monitor().then(
        () => this.#onExit(generation, CLEAN_EXIT),
        (error: unknown) => this.#onExit(generation, endingOf(error)),
      ),
    );
  }

  #onExit(generation: number, ending: Ending): void {
    const record = this.#live(generation);
    if (record === undefined) return;
    const cause = record.phase === "stopping" ? stopped(record) : this.#causeOf(generation);
    this.#end(generation, cause === null ? ending : { ...cause, exitCode: ending.exitCode });
  }

  /** The container of this generation is gone. Written first, told afterwards, until it is heard. */
  #end(generation: number, ending: Ending): void {
    const record = this.#live(generation);
    if (record === undefined) return;
    const { db, timers, clock } = this.#deps;
    const isSuspect = ending.kind === "refused" || ending.reason === UNREACHABLE;
    db.transaction(() => {
      this.#write({ ...record, phase: "ended", ready: false, ending });
      // The timers of its life stay until the application has heard: after a reset nothing else would tell it.
      if (isSuspect) timers.set(TIMER.report, clock());
    });
    const { kind, reason, exitCode } = ending;
    console.log({ message: "container.ended", generation, kind, reason, exitCode });
    // The next lifetime tells the application, from the timer that was just written.
    if (isSuspect) this.#deps.reset(reason);
    else this.#background(this.#reporter.report());
  }

  #causeOf(generation: number): Ending | null {
    return this.#cause?.generation === generation ? this.#cause.ending : null;
  }

  async #destroy(generation: number, ending: Ending): Promise<void> {
    this.#cause = { generation, ending };
    await this.#deps.port.destroy();
    // The monitor usually tells first, with the exit code.
    this.#end(generation, ending);
  }

  #noticeVanished(record: RunRecord): void {
    if (record.phase !== "ended" && !this.#deps.port.running) {
      const ending: Ending =
        record.phase === "stopping" ? stopped(record) : { kind: "lost", exitCode: null, reason: "Vanished" };
      this.#end(record.generation, ending);
    }
  }

  #applyReadiness(record: RunRecord, readiness: Readiness): void {
    const phase = readiness.started ? "running" : record.phase;
    if (phase === record.phase && readiness.ready === record.ready) return;
    const { ready, detail } = readiness;
    this.#write({ ...record, phase, ready, detail, listens: record.listens || readiness.listens });
    this.#background(this.#reporter.report());
  }

  async #keepAlive(): Promise<void> {
    const { port, timers, clock } = this.#deps;
    const record = this.#record;
    if (record === null) return;
    if (record.phase === "ended") {
      await this.#reporter.report();
      return;
    }
    if (record.phase === "stopping") {
      await this.#destroy(record.generation, stopped(record));
      // Within the timer, which is over when this is: it rings again if the object is reset before the end is told.
      await this.#reporter.report();
      return;
    }
    // Armed before the work: whatever happens below, the object looks again.
    timers.set(TIMER.keepalive, clock() + record.checkEveryMs);
    this.#noticeVanished(record);
    if (this.#live(record.generation) === undefined) return;
    if (clock() - this.#monitorSince >= MONITOR_RENEW_MS) this.#monitor(record.generation);
    const info = await port.inspect();
    const revision = info?.labels[REVISION_LABEL];
    if (revision !== undefined && revision !== record.revision) {
      await this.#destroy(record.generation, { kind: "lost", exitCode: null, reason: "Replaced" });
      return;
    }
    if (record.phase === "running") await this.#watch.recheck(record.generation);
    await this.#reporter.report();
  }

  /** Cordoned already: wait for requests, SIGTERM, grace, SIGKILL. The timer finishes it after an eviction. */
  async #drain(generation: number): Promise<void> {
    const { port } = this.#deps;
    const wasBusy = this.inFlight.count > 0;
    const drained = await this.inFlight.drained(DRAIN_MS);
    if (this.#live(generation) === undefined) return;
    // Nothing was under way for as long as it might have been: the grace begins now.
    if (drained && wasBusy) this.#deps.timers.set(TIMER.keepalive, this.#deps.clock() + STOP_GRACE_MS);
    try {
      port.signal(SIGTERM);
    } catch {
      const record = this.#live(generation);
      if (record !== undefined) this.#end(generation, stopped(record));
    }
  }

  /** The interval was changed: it holds from the next look on, which may be sooner than planned. */
  #followInterval(generation: number, checkEveryMs: number): void {
    const record = this.#live(generation);
    if (record === undefined || record.checkEveryMs === checkEveryMs) return;
    const { db, timers, clock, port } = this.#deps;
    const next = { ...record, checkEveryMs };
    db.transaction(() => {
      this.#write(next);
      if (next.phase !== "stopping") timers.set(TIMER.keepalive, clock() + checkEveryMs);
    });
    this.#background(port.setInactivityTimeout(inactivityMs(next)));
  }

  async #disown(generation: number): Promise<void> {
    const record = this.#live(generation);
    if (record === undefined) return;
    console.warn({ message: "container.disowned", generation });
    const { db, timers } = this.#deps;
    db.transaction(() => {
      this.#write({
        ...record,
        phase: "ended",
        ready: false,
        ending: { kind: "stopped", exitCode: null, reason: "Disowned" },
      });
      timers.clear(TIMER.keepalive);
    });
    await this.#deps.port.destroy();
  }
}

function stopped(record: RunRecord): Ending {
  return { kind: "stopped", exitCode: null, reason: record.stopReason ?? "Stopped" };
}
