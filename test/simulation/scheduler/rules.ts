/**
 * What must hold of every change of a row and of every event, by what really became of each container. The first that
 * does not is kept. The numbers of the policies are said here again, so that they cannot move unnoticed.
 */
import type { EventDraft } from "../../../src/orchestrator/events.ts";
import type { EventTotals } from "../../../src/orchestrator/event-totals.ts";
import { isLeaving, runsJobs, type Deployment } from "../../../src/orchestrator/plan/deployment.ts";
import type { Fate } from "./platform.ts";

export interface RulesDeps {
  readonly now: () => number;
  readonly fateOf: (id: string, generation: number) => Fate | undefined;
  /** Checks of that version may end a container. */
  readonly mayBeKilled: (version: number) => boolean;
  /** A user may have changed the row in this turn. */
  readonly isUsersTurn: () => boolean;
  /** Somebody calls the instance of that name, and has not been answered. */
  readonly isCalled: (name: string) => boolean;
  /** How many that are called by name may be awake. */
  readonly mostNamed: () => number;
}

/** The first restart is immediate, the second after 10 s, then twice as long up to 5 min. */
const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_MAX_MS = 300_000;
/** Ready for so long, its failures are forgiven. */
const FORGIVEN_AFTER_MS = 600_000;

export class Rules {
  violation: string | null = null;
  /** How often an old placement that took traffic was stopped for a new version. */
  replaced = 0;
  readonly #deps: RulesDeps;
  /** As they are stored, whichever lifetime wrote them. */
  readonly #rows = new Map<string, Deployment>();
  readonly #removed = new Set<string>();
  readonly #told = new Set<string>();
  #totals: EventTotals | null = null;
  #lastEvent = 0;

  constructor(deps: RulesDeps) {
    this.#deps = deps;
  }

  written(before: Deployment | undefined, after: Deployment | undefined): void {
    if (after === undefined) {
      if (before === undefined) return;
      this.#rows.delete(before.id);
      this.#removed.add(before.id);
      return;
    }
    if (this.#removed.has(after.id)) this.#break("S6", `${after.id} was removed and is back`);
    const known = this.#rows.get(after.id);
    if (known !== undefined) this.#changed(known, after);
    if (after.phase === "pending" && after.last !== null) this.#ended(after);
    this.#rows.set(after.id, after);
    if (after.name !== undefined) this.#named(known, after, after.name);
  }

  /** What a new lifetime reads is what the ones before it wrote. */
  read(rows: readonly Deployment[]): void {
    for (const { id, generation, phase } of rows) {
      const known = this.#rows.get(id);
      if (known === undefined) this.#break("S6", `${id} is there again after a reset`);
      else if (known.generation !== generation || known.phase !== phase) {
        this.#break("S6", `${id} is ${phase} ${generation} after a reset, and was ${known.phase} ${known.generation}`);
      }
    }
    if (rows.length < this.#rows.size)
      this.#break("S6", `${this.#rows.size - rows.length} rows are gone after a reset`);
  }

  events(drafts: readonly EventDraft[]): void {
    for (const { name, deployment, generation, details } of drafts) {
      if (details?.["outcome"] === undefined) continue;
      const placement = `${deployment} ${generation}`;
      if (this.#told.has(placement)) this.#break("S4", `the end of ${placement} is told twice, now as ${name}`);
      this.#told.add(placement);
    }
  }

  counted(totals: EventTotals, lastEvent: number): void {
    const before = this.#totals;
    this.#totals = totals;
    if (lastEvent < this.#lastEvent) this.#break("S5", `event ${lastEvent} comes after ${this.#lastEvent}`);
    this.#lastEvent = lastEvent;
    if (before === null) return;
    for (const kind of ["types", "ends"] as const) {
      const now: Readonly<Record<string, number>> = totals[kind];
      for (const [name, count] of Object.entries(before[kind])) {
        if ((now[name] ?? 0) < count) this.#break("S5", `${count} ${name} were counted, now ${now[name] ?? 0}`);
      }
    }
  }

  /** S2: a new version leaves as many in traffic as are wanted, but for those that users took out of it. */
  replacing(serving: number, all: readonly Deployment[], wanted: number): void {
    this.replaced += 1;
    const out = all.filter(({ held, cordoned, ready }) => held || (cordoned && ready)).length;
    const least = Math.max(1, wanted - out);
    if (serving < least) this.#break("S2", `${serving} serve after one was replaced, ${least} have to`);
  }

  #changed(before: Deployment, after: Deployment): void {
    const { id } = after;
    if (after.generation < before.generation) this.#break("S5", `${id} goes back to placement ${after.generation}`);
    const isSame = after.generation === before.generation;
    if (isSame && before.phase === "pending" && after.phase !== "pending") {
      this.#break("S6", `placement ${after.generation} of ${id} had ended and is ${after.phase}`);
    }
    if (isSame && before.phase === "stopping" && (after.phase === "running" || after.phase === "starting")) {
      this.#break("S6", `placement ${after.generation} of ${id} was being stopped and is ${after.phase}`);
    }
    if (isLeaving(before) && !isLeaving(after)) this.#break("S6", `${id} was on its way out and is ${after.phase}`);
    // Whether and when an attempt is tried again is the job's own.
    if (runsJobs(after)) return;
    if (before.phase === "pending" && after.phase === "starting") this.#begun(before, after);
    if (before.phase !== "pending" && after.phase === "pending") this.#counted(before, after);
  }

  /** Who is called by name has one deployment, which wakes for those who call it, when there is room. */
  #named(before: Deployment | undefined, after: Deployment, name: string): void {
    const rows = [...this.#rows.values()].filter((row) => row.name !== undefined);
    const other = rows.find((row) => row.name === name && row.id !== after.id);
    if (other !== undefined) this.#break("N1", `${name} is ${other.id}, and ${after.id} too`);
    const isWoken = before === undefined ? true : before.isAsleep === true && after.isAsleep !== true;
    if (!isWoken || this.#deps.isUsersTurn()) return;
    if (!this.#deps.isCalled(name)) this.#break("N2", `${after.id} is started for ${name}, and nobody calls it`);
    const awake = rows.filter((row) => row.phase !== "pending" || row.isAsleep !== true).length;
    if (awake > this.#deps.mostNamed()) {
      this.#break("N3", `${awake} are awake as ${name} is called, ${this.#deps.mostNamed()} may be`);
    }
  }

  /** Who failed again and again waits for its time. */
  #begun(before: Deployment, after: Deployment): void {
    const isCrash = before.last?.kind === "exited" || before.last?.kind === "killed";
    const isForgiven = after.failures < before.failures || this.#deps.isUsersTurn();
    if (!isCrash || isForgiven || before.failures < 2) return;
    const waitMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (before.failures - 2));
    const waitedMs = this.#deps.now() - before.since;
    if (waitedMs < waitMs) {
      this.#break("H1", `${after.id} failed ${before.failures} times and starts after ${waitedMs} of ${waitMs} ms`);
    }
  }

  /** What the user's code did counts against it, and nothing else does. */
  #counted(before: Deployment, after: Deployment): void {
    const kind = after.last?.kind;
    const isOwn = kind === "exited" || kind === "killed" || kind === "refused";
    const readyMs = before.readyAt === null ? 0 : this.#deps.now() - before.readyAt;
    const carried = readyMs >= FORGIVEN_AFTER_MS ? 0 : before.failures;
    const expected = carried + (isOwn ? 1 : 0);
    if (after.failures !== expected) {
      this.#break("S4", `${after.id} ended as ${kind} and counts ${after.failures} failures instead of ${expected}`);
    }
  }

  /** What is told of an end is what happened. */
  #ended({ id, generation, last, version }: Deployment): void {
    const fate = this.#deps.fateOf(id, generation);
    if (fate === undefined || last === null) return;
    if (fate.type === "vanished" && last.kind === "exited") {
      this.#break("S9", `${id} vanished, and is told as ${last.reason} ${last.exitCode}`);
    }
    if (last.kind === "exited" && fate.type === "exited" && fate.code !== last.exitCode) {
      this.#break("S9", `${id} exited with ${fate.code}, and is told as ${last.exitCode}`);
    }
    if (last.kind === "exited" && fate.type === "destroyed")
      this.#break("S9", `${id} was destroyed, and is told as exited`);
    if (last.kind === "killed" && !this.#deps.mayBeKilled(version)) {
      this.#break("H2", `${id} was killed for ${last.reason}, and none of its checks may do that`);
    }
  }

  #break(invariant: string, how: string): void {
    this.violation ??= `${invariant}: ${how}`;
  }
}
