/**
 * The life of one container at a time: launch, proof of start, keep-alive, end. The Instance object forwards to it. Every
 * step belongs to a generation; what comes back late from an older one is dropped.
 */
import type { Database } from "../database.ts";
import { describeError } from "../errors.ts";
import type { InstanceAnswer, LaunchOrder, ReportReply } from "../orchestrator/scheduler-deps.ts";
import { isFinalStop, STOP } from "../orchestrator/plan/deployment.ts";
import type { Timers } from "../timers.ts";
import type { CommandOutcome } from "../jobs/wrapper/wrapper.ts";
import { Admission } from "./admission.ts";
import { AttemptWatch } from "./attempt-watch.ts";
import { BusyHold } from "./busy-hold.ts";
import { Engine, LAUNCH_MS } from "./engine.ts";
import { CLEAN_EXIT, endingOf, isUncertain, type Ending } from "./exit.ts";
import { HealthWatch, startupLeftMs } from "./health-watch.ts";
import { InFlight } from "./in-flight.ts";
import { nextLookAt, resumedActiveAt, startupDueMs } from "./lifespan.ts";
import { LifespanWatch } from "./lifespan-watch.ts";
import { interceptOutbound } from "./interception.ts";
import { inactivityMs, keepFor, startOptions } from "./launch-options.ts";
import type { ObservedPlace } from "../orchestrator/placement/placing.ts";
import { PlaceReader } from "./place-reader.ts";
import type { ContainerPort } from "./port.ts";
import { Reporter, type ReporterDeps } from "./reporter.ts";
import { endOfStop, lookEveryMs, newRecord, reportOf, tombstone, type RunRecord, type Stop } from "./run-record.ts";
import { REACHES_NOTHING, type EgressStart } from "./egress-start.ts";
import { RunState } from "./run-state.ts";
import { Stopping } from "./stopping.ts";
import { hasStartedUp } from "./verdicts.ts";

/** A pending `monitor()` stops reporting after 15 minutes, so it is renewed before. */
const MONITOR_RENEW_MS = 600_000;
const REPORT_RETRY_MS = 1_000;

/** Why we end a container whose checks say that it does not work. */
export const KILL = { unhealthy: "Unhealthy", startupDeadline: "StartupDeadline" } as const;
const UNREACHABLE = "Unreachable";

/** `keepalive`: the next look; in a stop, the next step. One timer, since each costs rows of its own. */
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
  readonly inFlight: InFlight;
  readonly busy: BusyHold;
  readonly admission: Admission;
  readonly #deps: LifecycleDeps;
  readonly #state: RunState;
  #monitorSince = 0;
  /** Which generation this lifetime of the object has started. */
  #begun: number | null = null;
  /** Why we are destroying a generation: the monitor then only adds the exit code. */
  #cause: { readonly generation: number; readonly ending: Ending } | null = null;
  readonly #engine: Engine;
  readonly #watch: HealthWatch;
  readonly #lifespan: LifespanWatch;
  readonly #stopping: Stopping;
  readonly #reporter: Reporter;
  readonly #places: PlaceReader;
  readonly #attempts: AttemptWatch;

  constructor(deps: LifecycleDeps) {
    const { db, timers, port, clock } = deps;
    this.#deps = deps;
    this.#state = new RunState(db);
    this.admission = new Admission(this.#state, clock);
    const onChange = () => this.#background(this.#reporter.report());
    this.busy = new BusyHold({ state: this.#state, clock, onChange });
    this.inFlight = new InFlight(clock, () => this.#lifespan.active(), this.busy);
    this.#lifespan = new LifespanWatch({
      state: this.#state,
      clock,
      inFlight: () => this.inFlight,
      busy: this.busy,
      end: (record, stop) => this.#terminate(record, stop),
    });
    const background = (work: Promise<void>) => this.#background(work);
    const settled = () => this.#places.settled();
    const onDoubt = (why: string) => {
      timers.set(TIMER.report, clock());
      deps.reset(why);
    };
    this.#engine = new Engine({ port, clock, settled, onDoubt });
    this.#watch = new HealthWatch({
      port,
      clock,
      background,
      live: (generation) => this.#state.live(generation),
      onChange: (before, after) => this.#apply(before, after),
      onVanished: (record) => this.#noticeVanished(record),
      isThere: (record) => this.#asLaunched(record, true),
      onUnreachable: (generation) => this.#destroy(generation, { kind: "lost", exitCode: null, reason: UNREACHABLE }),
      onUnhealthy: (record, message) => this.#kill(record, KILL.unhealthy, message),
      onOverdue: (record, message) => this.#kill(record, KILL.startupDeadline, message),
    });
    this.#attempts = new AttemptWatch({
      port,
      clock,
      background,
      live: (generation) => this.#state.live(generation),
      onStarted: (record) => this.#apply(record, { ...record, phase: "running", ready: true, seenAt: clock() }),
      onVanished: (record) => this.#noticeVanished(record),
      onDone: (generation, outcome) => this.#finish(generation, outcome),
    });
    this.#stopping = new Stopping({
      db,
      port,
      clock,
      background,
      state: this.#state,
      inFlight: this.inFlight,
      busy: this.busy,
      settled,
      wakeAt: (at) => timers.set(TIMER.keepalive, at),
      destroy: async (record) => {
        // What has got no SIGTERM was not seen to run: it takes no commands yet.
        const hasRun = record.stop?.timeline.sigtermAt != null;
        const output = hasRun ? await this.#attempts.kill(record) : null;
        if (output !== null && this.#state.live(record.generation) !== undefined)
          this.#state.note({ ...record, output });
        await this.#destroy(record.generation, endOfStop(record));
      },
      onGone: (record) => this.#end(record.generation, endOfStop(record)),
    });
    this.#places = new PlaceReader({
      port,
      isLive: (generation) => (this.#state.live(generation)?.phase ?? "stopping") !== "stopping",
      onRead: (generation, place) => this.#found(generation, place),
    });
    this.#reporter = new Reporter({
      current: () => this.#state.record,
      send: async (record, report) => {
        this.#engine.requireTrust();
        // The container of a job outlives its command, which ends the attempt.
        if (record.phase === "ended" && record.attempt !== undefined) await this.#engine.clear();
        return await deps.report(record, report);
      },
      onReply: async (record, reply) => {
        const { owned } = reply;
        // An end that came while something older was told is still to be told.
        if (record.phase === this.record?.phase) timers.clear(TIMER.report);
        // What is on its way out for good is released, timers and all; what ran an attempt runs the next, or is released.
        const isReleased = owned && (isFinalStop(record.stop?.reason ?? null) || record.attempt !== undefined);
        if (record.phase === "ended" && record === this.record && !isReleased) timers.clear(TIMER.keepalive);
        if (owned) this.#follow(record.generation, reply);
        else await this.#disown(record.generation);
      },
      onFailure: () => timers.set(TIMER.report, clock() + REPORT_RETRY_MS),
    });
  }

  get record(): RunRecord | null {
    return this.#state.record;
  }

  /** After the object came into memory: takes up what an earlier lifetime left. Runs before any request. */
  async resume(): Promise<void> {
    const { port } = this.#deps;
    const { record } = this;
    if (record === null || record.phase === "ended") return await this.#engine.clear();
    if (!port.running) {
      this.#noticeVanished(record);
      return;
    }
    this.busy.resume(record);
    if (record.sleepAfterMs !== undefined) {
      this.#state.note({ ...record, activeAt: resumedActiveAt(record, this.#deps.clock()) });
    }
    // Neither is worth a lifetime that fails before it begins, and with it every one after it.
    await keepFor(port, record);
    await interceptOutbound(port, record).catch((error: unknown) => {
      console.warn({ message: "container.interception.failed", error: describeError(error) });
    });
    this.#monitor(record.generation);
    if (record.attempt !== undefined) this.#attempts.follow(record.generation);
    if (record.phase === "stopping") {
      this.#stopping.resume(record);
      return;
    }
    if (!record.ready && record.attempt === undefined) this.#watch.prove(record.generation);
    if (record.place === undefined && record.attempt === undefined) {
      this.#background(this.#places.read(record.generation));
    }
    if (record.phase === "running" && record.attempt === undefined && hasStartedUp(record)) {
      this.#watch.follow(record, true);
    }
  }

  /** `egress`: what it may reach, as far as its start has to know. */
  async launch(order: LaunchOrder, egress: EgressStart = REACHES_NOTHING): Promise<InstanceAnswer> {
    const { port, timers, db, clock } = this.#deps;
    const previous = this.record;
    if (previous !== null && order.generation <= previous.generation) return await this.#answer();
    const record = newRecord(order, clock(), previous, egress);
    db.transaction(() => {
      this.#state.write(record);
      const startupAt = clock() + Math.min(record.checkEveryMs, startupDueMs(record));
      timers.setBy(TIMER.keepalive, Math.min(startupAt, nextLookAt(record, 0, clock())), clock() + LAUNCH_MS);
    });
    await this.#engine.clear();
    if (!this.#isStarting(record)) return await this.#answer();
    const image = order.image ?? port.images[order.spec.image];
    if (image === undefined) {
      this.#end(record.generation, { kind: "refused", exitCode: null, reason: "ImageNotDeclared" });
      return await this.#answer();
    }
    try {
      await interceptOutbound(port, record);
      if (!this.#isStarting(record)) return await this.#answer();
      this.#begun = record.generation;
      port.start(startOptions(order, image, record));
    } catch (error) {
      console.warn({ message: "container.start.failed", generation: record.generation, error: describeError(error) });
      const ending = endingOf(error);
      this.#end(record.generation, ending, isUncertain(ending));
      return await this.#answer();
    }
    this.#monitor(record.generation);
    if (record.attempt === undefined) {
      this.#background(this.#asLaunched(record).then(() => undefined));
      this.#background(this.#places.read(record.generation));
      this.#watch.prove(record.generation);
    } else this.#attempts.follow(record.generation);
    await keepFor(port, record);
    return await this.#answer();
  }

  /** Nobody has stopped it, or put another in its place, since. */
  #isStarting({ generation }: RunRecord): boolean {
    return this.#state.live(generation)?.phase === "starting";
  }

  /** Stops the given generation; idempotent. A generation that never came is marked as ended, so that it never will. */
  async retire(deploymentId: string, generation: number, reason: string, signal?: number): Promise<InstanceAnswer> {
    const { timers, port } = this.#deps;
    const { record } = this;
    if (record === null || generation > record.generation) {
      this.#state.write(tombstone(deploymentId, generation, reason));
      // The timer of what ran before stays until that is gone.
      await this.#engine.clear();
      timers.clear(TIMER.keepalive);
      return await this.#answer();
    }
    if (generation === record.generation && record.phase === "stopping") this.#stopping.hasten(record, reason);
    if (generation < record.generation || record.phase === "ended" || record.phase === "stopping") {
      return await this.#answer();
    }
    const said = { kind: "stopped", reason, ...(signal === undefined ? {} : { signal }) } as const;
    // Nothing of a job that was not seen to run has anything to finish, and it may not hear a signal yet. After a reset it
    // is yet to be seen again.
    const isUnbegun = record.attempt !== undefined && record.phase === "starting" && this.#begun === generation;
    this.#stopping.begin(record, isUnbegun || reason === STOP.neverStarted ? "kill" : "drain", said);
    const stopping = this.#state.live(generation);
    if (stopping === undefined) return await this.#answer();
    if (!port.running) this.#noticeVanished(stopping);
    // A drain may take longer than a container outlives the sleep of its object.
    else if (inactivityMs(stopping) > inactivityMs(record)) await keepFor(port, stopping);
    return await this.#answer();
  }

  /** A launch that has not come never will; one that has was allowed by a newer lifetime of the scheduler, and goes on. */
  async forbid(deploymentId: string, generation: number, reason: string): Promise<InstanceAnswer> {
    const isLaunched = this.record !== null && this.record.generation >= generation;
    return isLaunched ? await this.#answer() : await this.retire(deploymentId, generation, reason);
  }

  /** How is it? Looks instead of trusting the row. */
  async check(deploymentId: string, generation: number): Promise<InstanceAnswer> {
    const { record } = this;
    if (record === null) return await this.retire(deploymentId, generation, "Unknown");
    this.#noticeVanished(record);
    return await this.#answer();
  }

  async onTimer(key: string): Promise<void> {
    switch (key) {
      case TIMER.keepalive: {
        const { record } = this;
        if (record?.phase === "stopping") await this.#stopping.onDue(record);
        else if (record?.phase === "ended") await this.#tellEnd();
        else if (record !== null) await this.#keepAlive(record);
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

  /** What it says of itself has changed. */
  tell(): void {
    this.#background(this.#reporter.report());
  }

  /** A command did not begin: what the engine tells of its container may be told to another lifetime only. */
  suspectEngine(): void {
    if (this.record !== null) this.#background(this.#asLaunched(this.record, true).then(() => undefined));
  }

  /** Nothing runs here afterwards. */
  async clear(): Promise<void> {
    await this.#engine.clear();
  }

  /** A request got no answer. */
  suspect(): void {
    if (this.record?.phase === "running") this.#watch.suspect(this.record.generation);
  }

  /** What failed to be destroyed is destroyed before it is called ended. */
  async #answer(): Promise<InstanceAnswer> {
    if (this.record?.phase === "ended") await this.#engine.clear();
    const { record } = this;
    if (record === null) throw new Error("no placement is recorded here");
    this.#engine.requireTrust();
    return { generation: record.generation, report: reportOf(record) };
  }

  async #tellEnd(): Promise<void> {
    // Also what has no application to tell.
    await this.#engine.clear();
    await this.#reporter.report();
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
    const record = this.#state.live(generation);
    if (record === undefined) {
      // It was to be destroyed, and whether it is cannot be seen from here any more.
      if (this.record?.phase === "ended" && isUncertain(ending)) this.#engine.doubt(ending.reason);
      return;
    }
    const known = this.#cause?.generation === generation ? this.#cause.ending : null;
    const cause = record.phase === "stopping" ? endOfStop(record) : known;
    this.#end(generation, cause === null ? ending : { ...cause, exitCode: ending.exitCode }, isUncertain(ending));
  }

  /** The container of this generation is gone. Written first, told afterwards, until it is heard. */
  #end(generation: number, ending: Ending, mayStillRun = false): void {
    const record = this.#state.live(generation);
    if (record === undefined) return;
    const { db, timers, clock } = this.#deps;
    const isSuspect = ending.kind === "refused" || ending.reason === UNREACHABLE || mayStillRun;
    if (mayStillRun) this.#engine.distrust();
    db.transaction(() => {
      this.#state.write({ ...record, phase: "ended", ready: false, ending });
      // The timers of its life stay until the application has heard: after a reset nothing else would tell it.
      if (isSuspect) timers.set(TIMER.report, clock());
    });
    const { kind, reason, exitCode } = ending;
    console.log({ message: "container.ended", generation, kind, reason, exitCode });
    // The next lifetime tells the application, from the timer that was just written.
    if (isSuspect) this.#deps.reset(reason);
    else this.#background(this.#reporter.report());
  }

  /** The command of an attempt has ended: with its code, whatever the container does from here on. */
  #finish(generation: number, { exitCode, stdout, stderr }: CommandOutcome): void {
    const record = this.#state.live(generation);
    if (record === undefined) return;
    this.#state.note({ ...record, output: { stdout, stderr } });
    const ending = record.phase === "stopping" ? endOfStop(record) : CLEAN_EXIT;
    // The wrapper, which waits for its output to be fetched, is killed before the end is told.
    this.#end(generation, { ...ending, exitCode });
  }

  async #destroy(generation: number, ending: Ending): Promise<void> {
    this.#cause = { generation, ending };
    await this.#engine.destroy();
    // The monitor usually tells first, with the exit code.
    this.#end(generation, ending);
  }

  /** Its checks say that it does not work: nothing is worth waiting for, but it may still clean up. */
  #kill(record: RunRecord, reason: string, message: string): void {
    console.warn({ message: "container.killed", generation: record.generation, reason, why: message });
    this.#terminate(record, { kind: "killed", reason, message });
  }

  #terminate(record: RunRecord, stop: Omit<Stop, "timeline">): void {
    this.#stopping.begin(record, "terminate", stop);
    // Told before the end, which takes up to the grace period: no traffic meanwhile.
    this.#background(this.#reporter.report());
  }

  #noticeVanished(record: RunRecord): void {
    if (record.phase === "ended" || this.#deps.port.running) return;
    const vanished: Ending = { kind: "lost", exitCode: null, reason: "Vanished" };
    this.#end(record.generation, record.phase === "stopping" ? endOfStop(record) : vanished);
  }

  /** Kept with the next write: a new lifetime reads it anew. */
  #found(generation: number, place: ObservedPlace | null): void {
    const record = this.#state.live(generation);
    if (record === undefined) return;
    this.#state.note({ ...record, place });
    if (record.isPlaceVerified === true && record.phase === "running") this.#background(this.#reporter.report());
  }

  #apply(before: RunRecord, after: RunRecord): void {
    if (after === before) return;
    // That an attempt runs is found out again after a reset, for no row.
    if (after.attempt === undefined) this.#state.write(after);
    else this.#state.note(after);
    if (after.phase === "running" && after.attempt === undefined && hasStartedUp(after)) this.#watch.follow(after);
    this.#background(this.#reporter.report());
  }

  async #keepAlive(record: RunRecord): Promise<void> {
    const { timers, clock } = this.#deps;
    // Armed before the work: whatever happens below, the object looks again.
    const leftMs = startupLeftMs(record, clock()) ?? 0;
    const nextAt = nextLookAt(record, this.inFlight.activeAt, clock());
    timers.set(TIMER.keepalive, leftMs > 0 ? Math.min(clock() + leftMs, nextAt) : nextAt);
    this.#noticeVanished(record);
    if (this.#state.live(record.generation) === undefined) return;
    if (!this.#lifespan.look(record)) return;
    if (clock() - this.#monitorSince >= MONITOR_RENEW_MS) this.#monitor(record.generation);
    if (!(await this.#asLaunched(record))) return;
    if (record.attempt === undefined) await this.#watch.look(record.generation);
    else {
      this.#attempts.follow(record.generation);
      // Many an attempt is over before its first look, and is not to wait for anything but its command.
      if (record.place === undefined) this.#background(this.#places.read(record.generation));
    }
    await this.#reporter.report();
  }

  /** False: something else runs there than was launched, and is destroyed; or nobody says, which ends this lifetime. */
  async #asLaunched(record: RunRecord, isSuspect = false): Promise<boolean> {
    const { generation } = record;
    const found = await this.#engine.compare(record, isSuspect);
    if (found !== "other") return found === "same";
    if (this.#state.live(generation) === undefined) return true;
    await this.#destroy(generation, { kind: "lost", exitCode: null, reason: "Replaced" });
    return false;
  }

  /** What the application wants was changed: it holds from the next look on, which may be sooner than planned. */
  #follow(generation: number, { checkEveryMs, reportsLoad = false, isOutdated = false }: ReportReply): void {
    const told = this.#state.live(generation);
    if (told !== undefined && (told.isOutdated ?? false) !== isOutdated) this.#outdated({ ...told, isOutdated });
    const record = this.#state.live(generation);
    const everyMs = lookEveryMs(checkEveryMs, record?.sleepAfterMs);
    if (record === undefined) return;
    if (record.checkEveryMs === everyMs && (record.reportsLoad ?? false) === reportsLoad) return;
    const { db, timers, clock } = this.#deps;
    const next = { ...record, checkEveryMs: everyMs, reportsLoad };
    db.transaction(() => {
      this.#state.write(next);
      if (next.phase !== "stopping") timers.set(TIMER.keepalive, nextLookAt(next, this.inFlight.activeAt, clock()));
    });
    this.#background(keepFor(this.#deps.port, next));
  }

  /** Said again with each report, so that it is worth no row. */
  #outdated(record: RunRecord): void {
    this.#state.note(record);
    if (this.#lifespan.look(record)) this.#background(this.#reporter.report());
  }

  async #disown(generation: number): Promise<void> {
    const record = this.#state.live(generation);
    if (record === undefined) return;
    console.warn({ message: "container.disowned", generation });
    const { timers } = this.#deps;
    const ending: Ending = { kind: "stopped", exitCode: null, reason: "Disowned" };
    this.#state.write({ ...record, phase: "ended", ready: false, ending });
    await this.#engine.destroy();
    // Until it is gone, the next look tries again.
    timers.clear(TIMER.keepalive);
  }
}
