/**
 * Looks at a container from outside: from launched to ready, whether it is still ready, and whether it is still there
 * when a request got no answer. It decides nothing about the record; every result goes back with its generation, and
 * whoever finds that generation over stops looking.
 */
import { sleep } from "../sleep.ts";
import { CheckLoops, type CheckLoopDeps } from "./check-loops.ts";
import { isReachable, isUnproved, passes, probeOnce } from "./probe.ts";
import type { RunRecord } from "./run-record.ts";
import { afterProbes, hasStartedUp, openProbes, readyProbes, withFailing, type Results } from "./verdicts.ts";

/** A container that answered once and answers nothing for this long is lost, whatever `running` says. */
export const UNREACHABLE_MS = 5_000;
const UNREACHABLE_POLL_MS = 250;
const UNVERIFIED_PACE_MS = 2_000;
/** Between attempts of an implied check that failed in a keep-alive look. */
const IMPLIED_RETRY_MS = 1_000;

/** The end of a container is seen at once; what it ended with is said a moment later. */
const WHY_WITHIN_MS = 200;

export interface HealthWatchDeps extends Omit<CheckLoopDeps, "running" | "onUnready"> {
  /** The record of this generation while it lives. */
  readonly live: (generation: number) => RunRecord | undefined;
  readonly onVanished: (record: RunRecord) => void;
  /** Asks the engine whether it is there. False: it is not, or nobody says so, and somebody else sees to that. */
  readonly isThere: (record: RunRecord) => Promise<boolean>;
  readonly onUnreachable: (generation: number) => Promise<void>;
  /** Its startup checks took longer than they may. */
  readonly onOverdue: (record: RunRecord, message: string) => void;
}

export class HealthWatch {
  readonly #deps: HealthWatchDeps;
  readonly #loops: CheckLoops;
  #proving: number | null = null;
  #investigating = false;

  constructor(deps: HealthWatchDeps) {
    this.#deps = deps;
    this.#loops = new CheckLoops({
      ...deps,
      running: (generation) => this.#running(generation),
      onUnready: (generation) => this.prove(generation),
    });
  }

  /** The checks that go on as long as it runs. */
  follow(record: RunRecord, atOnce = false): void {
    this.#loops.follow(record, atOnce);
  }

  /** From launched, or unready, to ready. One loop per generation, however often it is asked for. */
  prove(generation: number): void {
    if (this.#proving === generation) return;
    this.#proving = generation;
    this.#deps.background(
      this.#proveUntilReady(generation).finally(() => {
        if (this.#proving === generation) this.#proving = null;
      }),
    );
  }

  /** A request got no answer: looks whether the container is still there. */
  suspect(generation: number): void {
    if (this.#investigating) return;
    this.#investigating = true;
    this.#deps.background(
      this.#investigate(generation).finally(() => {
        this.#investigating = false;
      }),
    );
  }

  /** With each keep-alive: is it still there, and what no loop looks at. */
  async look(generation: number): Promise<void> {
    const { port, clock } = this.#deps;
    const before = this.#running(generation);
    if (before === undefined) return;
    if (!before.ready) this.prove(generation);
    if (!(await isReachable(port, before, clock()))) {
      this.suspect(generation);
      return;
    }
    if (before.ready) await this.#lookAtImplied(generation);
  }

  /** The one check that nobody declared. */
  async #lookAtImplied(generation: number): Promise<void> {
    const { port, clock } = this.#deps;
    for (let attempt = 1; ; attempt += 1) {
      const before = this.#running(generation);
      const index = before?.probes.findIndex(({ kind, intervalMs }) => kind === "ready" && intervalMs === null) ?? -1;
      const probe = before?.probes[index];
      if (before === undefined || probe === undefined) return;
      const result = await probeOnce(port, probe, before, clock());
      const record = this.#running(generation);
      if (record === undefined) return;
      if (passes(result)) {
        this.#deps.onChange(record, afterProbes(record, new Map([[index, result]]), clock()));
        return;
      }
      if (attempt >= probe.attempts) {
        this.#deps.onChange(record, withFailing(record, [index], result.detail, clock()));
        this.prove(generation);
        return;
      }
      await sleep(IMPLIED_RETRY_MS);
    }
  }

  #running(generation: number): RunRecord | undefined {
    const record = this.#deps.live(generation);
    return record?.phase === "running" ? record : undefined;
  }

  /** Polls quickly at first, since every millisecond here is a caller's cold start. */
  async #proveUntilReady(generation: number): Promise<void> {
    const { port, clock, live } = this.#deps;
    for (;;) {
      const before = live(generation);
      if (before === undefined || before.phase === "stopping" || before.ready) return;
      if (!port.running) {
        // Who watches it may be about to say why it has ended.
        await sleep(WHY_WITHIN_MS);
        const gone = live(generation);
        if (gone !== undefined && !port.running) this.#deps.onVanished(gone);
        return;
      }
      const results = await this.#probeOpen(before);
      // What listens nowhere has only its process to show, and `running` stays true while the engine hangs.
      if ([...results.values()].some(isUnproved) && !(await this.#deps.isThere(before))) return;
      const record = live(generation);
      if (record === undefined || record.phase === "stopping") return;
      const after = afterProbes(record, results, clock());
      if (after !== record) this.#deps.onChange(record, after);
      if (after.ready) return;
      const leftMs = startupLeftMs(after, clock());
      if (leftMs !== null && leftMs <= 0) {
        this.#deps.onOverdue(after, startupMessage(after));
        return;
      }
      const paceMs = proofPaceMs(after, clock());
      await sleep(leftMs === null ? paceMs : Math.min(paceMs, leftMs));
    }
  }

  /** One round: startup checks first, and once all of them pass, at once the others. Each kind in parallel. */
  async #probeOpen(record: RunRecord): Promise<Results> {
    const startup = await this.#probeAll(record, openProbes(record, "startup"));
    if ([...startup.values()].some((result) => !passes(result))) return startup;
    return new Map([...startup, ...(await this.#probeAll(record, openProbes(record, "ready")))]);
  }

  async #probeAll(record: RunRecord, indexes: readonly number[]): Promise<Results> {
    const { port, clock } = this.#deps;
    const attempts = indexes.flatMap((index) => {
      const probe = record.probes[index];
      return probe === undefined
        ? []
        : [probeOnce(port, probe, record, clock()).then((result) => [index, result] as const)];
    });
    return new Map(await Promise.all(attempts));
  }

  /** Out of routing at once, back when it answers, lost when it stays silent. */
  async #investigate(generation: number): Promise<void> {
    const { port, clock } = this.#deps;
    const deadline = clock() + UNREACHABLE_MS;
    for (;;) {
      const before = this.#running(generation);
      if (before === undefined) return;
      if (!port.running) {
        // Its exit code may be a moment behind.
        await sleep(UNREACHABLE_POLL_MS);
        this.#deps.onVanished(before);
        return;
      }
      const reachable = await isReachable(port, before, clock());
      const record = this.#running(generation);
      if (record === undefined) return;
      if (reachable) {
        if (!record.ready) this.prove(generation);
        return;
      }
      if (record.ready) {
        this.#deps.onChange(record, withFailing(record, readyProbes(record), "nothing answers", clock()));
      }
      if (clock() >= deadline) {
        await this.#deps.onUnreachable(generation);
        return;
      }
      await sleep(UNREACHABLE_POLL_MS);
    }
  }
}

/**
 * How long the startup checks of a process that has proved itself may still take. Null: they have passed, or there is no
 * sign of a process, and then it is the scheduler that loses patience: a start that never happened is nobody's failure.
 */
export function startupLeftMs(record: RunRecord, now: number): number | null {
  if (record.phase !== "running" || hasStartedUp(record)) return null;
  return record.startedAt + record.startupDeadlineMs - now;
}

function startupMessage({ checks, startupDeadlineMs }: RunRecord): string {
  const open = checks.find(({ kind, state }) => kind === "startup" && state !== "passing");
  return `check ${open?.name} did not pass within ${startupDeadlineMs / 1_000} s: ${open?.detail ?? "no answer"}`;
}

/** Its interception does not work, which is no matter of moments, and each look at it is a process inside. */
function isUnverified({ checks, probes }: RunRecord): boolean {
  return probes.some(({ type }, index) => type === "egress" && checks[index]?.state === "failing");
}

/** 10 ms in the first two seconds, where most images start, then ever slower up to a second. */
function proofPaceMs(record: RunRecord, now: number): number {
  if (isUnverified(record)) return UNVERIFIED_PACE_MS;
  const startup = openProbes(record, "startup").map((index) => record.probes[index]?.intervalMs ?? null);
  const wished = startup.filter((interval) => interval !== null);
  if (wished.length > 0 && wished.length === startup.length) return Math.min(...wished);
  const elapsedMs = now - record.startedAt;
  if (elapsedMs < 2_000) return 10;
  return elapsedMs < 10_000 ? 100 : 1_000;
}
