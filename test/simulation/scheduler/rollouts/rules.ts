/**
 * What must hold of every rollout, by its rows and by what its instances say, with each write of it and after each step.
 * The first that does not is kept.
 */
import {
  isAvailable,
  isLive,
  isNamed,
  isPooled,
  type Deployment,
} from "../../../../src/orchestrator/plan/deployment.ts";
import type { Rollout, RolloutSide } from "../../../../src/orchestrator/rollouts/rollout.ts";
import type { ApplicationRow } from "../../../../src/orchestrator/storage/application-row.ts";
import {
  freshOf,
  heldOf,
  inHand,
  isUnderWay,
  saysOf,
  surgeOf,
  takesTraffic,
  unavailableOf,
  type Frozen,
  type Standing,
} from "./counting.ts";

export interface RolloutRulesDeps {
  readonly now: () => number;
  readonly rows: () => readonly Deployment[];
  readonly row: () => ApplicationRow | undefined;
  /** Of the pool. */
  readonly wanted: () => number;
  readonly revisionOf: (version: number) => string;
  /** It runs where it may not. */
  readonly isMisplaced: (deployment: Deployment) => boolean;
  readonly graceMs: number;
}

interface Aside {
  readonly wanted: number;
  readonly held: number;
  readonly rollout: Rollout;
  readonly serving: number;
}

/** An alarm may be half a minute late, and the object may be reset meanwhile. */
const OVERDUE_MS = 120_000;

export class RolloutRules {
  violation: string | null = null;
  /** By phase, those that are over. */
  readonly ends: Record<string, number> = {};
  readonly #deps: RolloutRulesDeps;
  readonly #known = new Map<string, Rollout>();
  /** Revisions that have served: a rollout has completed with them, or all that were wanted were ready in them. */
  readonly #stable = new Set<string>();
  #current: Rollout | null = null;
  #frozen: Frozen | null = null;
  #handedOn: { readonly id: string; readonly side: RolloutSide } | null = null;
  /** Since when nothing more has become healthy, and the most that have been. */
  #progressedAt = 0;
  #mostHealthy = 0;
  /** Since when its time runs. */
  #resumedAt = 0;
  #live = 0;
  #wanted = 0;
  /** So many were wanted with the last write of a rollout. */
  #turnedFor = 0;
  #aside: Aside | null = null;
  /** As requests were sent at the last look. */
  #seen: Rollout | null = null;

  constructor(deps: RolloutRulesDeps) {
    this.#deps = deps;
  }

  /** The one under way. */
  get current(): Rollout | null {
    return this.#deps.row()?.deleting === false ? this.#current : null;
  }

  standing(rows = this.#deps.rows()): Standing {
    const wanted = this.#deps.wanted();
    const { fromVersion = 0, toVersion = 0 } = this.#current ?? {};
    const isSame = this.#deps.revisionOf(fromVersion) === this.#deps.revisionOf(toVersion);
    return { wanted, held: heldOf(rows, wanted), frozen: this.#frozen, isSame };
  }

  /** Whoever hands requests on has done so. */
  handedOn(id: string, side: RolloutSide): void {
    this.#handedOn = { id, side };
  }

  /** What an object knew in memory is gone. */
  reset(): void {
    this.#mostHealthy = 0;
  }

  /** A write of a rollout. */
  put(next: Rollout): void {
    const { now, rows, wanted } = this.#deps;
    const before = this.#known.get(next.id) ?? null;
    this.#known.set(next.id, next);
    this.#turnedFor = wanted();
    if (before !== null && !isUnderWay(before)) {
      if (before.phase !== next.phase) this.#break("S6", `rollout ${next.id} was ${before.phase} and is ${next.phase}`);
      return;
    }
    const others = [...this.#known.values()].filter((one) => one.id !== next.id && isUnderWay(one));
    if (isUnderWay(next) && others.length > 0) this.#break("R1", `${next.id} is under way beside ${others[0]?.id}`);
    if (before === null) this.#noteStable(rows());
    this.#judgeSide(before, next);
    this.#judgeEnd(before, next);
    if (!isStopped(next)) this.#frozen = null;
    else if (!isStopped(before) || before?.phase !== next.phase) {
      this.#frozen = { fresh: this.#atTarget(next, rows()).length, wanted: wanted() };
    }
    const isTimed = next.phase === "progressing";
    const isOn = before?.phase !== next.phase || before.stepStartedAt !== next.stepStartedAt;
    if (isTimed && (isOn || before.serving !== next.serving)) this.#progressedAt = this.#resumedAt = now();
    if (next.mostHealthy === 0) this.#mostHealthy = 0;
    if (isUnderWay(next)) this.#current = next;
    else if (this.#current?.id === next.id || this.#current === null) this.#current = null;
  }

  /** A member of the pool is placed, or called back. */
  placed(row: Deployment): void {
    const rollout = this.#current;
    if (rollout === null) return;
    const { revisionOf, rows } = this.#deps;
    const revision = revisionOf(row.version);
    const [from, to] = [revisionOf(rollout.fromVersion), revisionOf(rollout.toVersion)];
    if (revision !== to && revision !== from) {
      this.#break(
        "R2",
        `${row.id} is placed at version ${row.version}, from ${rollout.fromVersion} to ${rollout.toVersion}`,
      );
    }
    if (revision !== to) return;
    // One in a wrong place is replaced by another.
    const there = this.#atTarget(rollout, rows()).filter((one) => !this.#deps.isMisplaced(one));
    const [count, most] = [there.length, freshOf(rollout, this.standing())];
    if (count > most)
      this.#break("R2", `${count} are at the target of ${rollout.id}, ${most} may be (${rollout.phase})`);
  }

  /** The planner takes one out of traffic, before its row says so. */
  takingOut(row: Deployment): void {
    const rollout = this.#current;
    if (rollout === null || !takesTraffic(row, rollout, this.#deps.revisionOf)) return;
    const { wanted, held } = this.standing();
    this.#aside ??= { rollout, serving: this.#serving(rollout), wanted, held };
    const forMs = this.#deps.now() - (row.readyAt ?? 0);
    if (forMs < this.#deps.graceMs)
      this.#break("R4", `${row.id} goes after ${forMs} of ${this.#deps.graceMs} ms in traffic`);
  }

  /** S2: whatever is taken out leaves as many as have to serve, where there were as many. */
  takenOut(): void {
    const aside = this.#aside;
    this.#aside = null;
    const row = this.#deps.row();
    if (aside === null || row === undefined || row.deleting) return;
    const { rollout, serving: before } = aside;
    // Whom a user has stopped was one of those wanted when this was decided, also where he goes with the rollout's end.
    const held = Math.max(aside.held, this.standing().held);
    const wanted = Math.min(aside.wanted, this.#deps.wanted());
    const usual = wanted - held - unavailableOf(rollout, wanted);
    const least = Math.min(before, this.#withoutCordoned(usual, rollout));
    // What was over in the same moment asks nobody any more how long he has been ready.
    const after = this.#serving(
      row.rollout === undefined ? { ...rollout, spec: { ...rollout.spec, minHealthyMs: 0 } } : rollout,
    );
    if (after < least)
      this.#break("S2", `${after} serve, ${before} did before the planner took some out, ${least} have to`);
  }

  /** After each step. */
  look(rows: readonly Deployment[]): void {
    const row = this.#deps.row();
    if (row === undefined || row.deleting) return;
    this.#noteStable(rows);
    this.#judgeRow(row);
    this.#judgeCount(rows);
    this.#judgeTraffic(row, rows);
    this.#judgeTime(rows);
    this.#seen = this.#current;
    this.#wanted = this.#deps.wanted();
  }

  #judgeSide(before: Rollout | null, next: Rollout): void {
    if (before === null || before.serving === next.serving) return;
    const { id, serving } = next;
    if (this.#handedOn?.id !== id || this.#handedOn.side !== serving) {
      this.#break("R3", `${id} sends requests ${serving}, and nobody has handed them on`);
    }
    this.#handedOn = null;
  }

  #judgeEnd(before: Rollout | null, next: Rollout): void {
    const { id, phase, reason, fromVersion, toVersion, spec } = next;
    if (before?.phase === phase) return;
    if (!isUnderWay(next)) this.ends[phase] = (this.ends[phase] ?? 0) + 1;
    const { revisionOf, now } = this.#deps;
    if (phase === "completed" && reason !== "NothingToDo") this.#judgeCompleted(next);
    const hasFailed = (phase === "reverting" || phase === "stalled") && reason !== "Aborted";
    if (phase === "reverting" && hasFailed) {
      const from = revisionOf(fromVersion);
      if (from === revisionOf(toVersion)) this.#break("S13", `${id} goes back from ${from} to the same`);
      if (!this.#stable.has(from)) this.#break("S13", `${id} goes back to ${from}, which has never served`);
    }
    if (!hasFailed || reason !== "ProgressDeadlineExceeded") return;
    const ranMs = now() - this.#resumedAt;
    if (ranMs < (spec.progressDeadlineMs ?? Number.POSITIVE_INFINITY)) {
      this.#break("R5", `${id} has failed after ${ranMs} of ${spec.progressDeadlineMs} ms`);
    }
  }

  /** S12: whatever lives says that it runs the target, and as many as are wanted are healthy. */
  #judgeCompleted({ id, toVersion, spec }: Rollout): void {
    const { revisionOf, rows } = this.#deps;
    const to = revisionOf(toVersion);
    const all = rows();
    const live = all.filter((row) => isLive(row) && (isPooled(row) ? row.parkedUntil === undefined : isNamed(row)));
    const other = live.find((row) => saysOf(row, revisionOf) !== to && row.isAsleep !== true);
    if (other !== undefined) {
      this.#break("S12", `${id} is completed, and ${other.id} runs ${saysOf(other, revisionOf)}`);
    }
    const { wanted, held } = this.standing(all);
    const healthy = this.#healthy(to, spec.minHealthyMs, all);
    const cordoned = this.#cordoned(to, all);
    if (healthy < wanted - held - cordoned)
      this.#break("S12", `${id} is completed, and ${healthy} of ${wanted} are healthy`);
    this.#stable.add(to);
  }

  /** A version has served when all that were wanted were ready in it. */
  #noteStable(rows: readonly Deployment[]): void {
    const { revisionOf, wanted } = this.#deps;
    const counts = new Map<string, number>();
    for (const row of rows) {
      if (!isPooled(row) || !isAvailable(row)) continue;
      const revision = saysOf(row, revisionOf);
      counts.set(revision, (counts.get(revision) ?? 0) + 1);
    }
    // A write that begins one may change the count as well: it is about what was before it.
    const least = Math.min(wanted(), this.#wanted === 0 ? Number.POSITIVE_INFINITY : this.#wanted);
    for (const [revision, count] of counts) if (least > 0 && count >= least) this.#stable.add(revision);
  }

  #judgeRow({ rollout: mark, activeVersion }: ApplicationRow): void {
    const rollout = this.#current;
    if ((mark?.id ?? null) !== (rollout?.id ?? null)) {
      this.#break("R1", `${rollout?.id ?? "none"} is under way, and the application follows ${mark?.id ?? "none"}`);
    }
    // Just over counts as well, but where another took its place.
    const ended = this.#seen === null || rollout !== null ? undefined : this.#known.get(this.#seen.id);
    const judged = rollout ?? (ended?.phase === "replaced" ? null : (ended ?? null));
    if (judged === null) return;
    const { id, phase, fromVersion, toVersion } = judged;
    const expected = phase === "reverting" || phase === "reverted" ? fromVersion : toVersion;
    if (activeVersion !== expected) {
      this.#break("R6", `version ${activeVersion} is active, and ${id} is ${phase}`);
    }
  }

  /** S1: what is too many for other reasons goes in its time, and no more comes. */
  #judgeCount(rows: readonly Deployment[]): void {
    const rollout = this.#current;
    const live = inHand(rows).filter(isLive).length;
    const wanted = this.#deps.wanted();
    if (rollout !== null && live > this.#live && live > wanted + surgeOf(rollout, wanted)) {
      this.#break(
        "S1",
        `${live} live in ${rollout.id}, ${wanted} are wanted and ${surgeOf(rollout, wanted)} more may be`,
      );
    }
    this.#live = live;
  }

  #judgeTraffic({ rollout: mark }: ApplicationRow, rows: readonly Deployment[]): void {
    const [before, after] = [this.#seen, this.#current];
    const { revisionOf } = this.#deps;
    const ended = before !== null && after === null ? this.#known.get(before.id) : undefined;
    const judged = after ?? (ended?.phase === "replaced" ? null : (ended ?? null));
    if (judged?.spec.strategy === "blue_green") {
      const to = revisionOf(judged.toVersion);
      const traffic = mark?.traffic ?? { kind: "any" };
      const takers = rows.filter((row) => isPooled(row) && isAvailable(row) && row.generation > 0);
      const sides = takers.map((row) => (revisionOf(row.version) === to ? "to" : "from"));
      const open = sides.filter(
        (side) =>
          traffic.kind === "any" || traffic.kind === "split" || (traffic.kind === "only" && traffic.side === side),
      );
      if (new Set(open).size > 1) this.#break("R3", `requests go to both sides of ${judged.id}: ${traffic.kind}`);
    }
    this.#judgeTurned(before, after, rows);
  }

  /** S2: where requests are sent elsewhere, as many serve there as have to, where there were as many. */
  #judgeTurned(before: Rollout | null, after: Rollout | null, rows: readonly Deployment[]): void {
    const { revisionOf } = this.#deps;
    if (
      after === null ||
      (before?.id === after.id && before.serving === after.serving && before.switchTo === after.switchTo)
    )
      return;
    // While it is handed on nobody serves; what counts is to whom, when that begins.
    const then = after.switchTo === null ? after : { ...after, serving: after.switchTo, switchTo: null };
    const now = before?.switchTo === null || before === null ? before : null;
    if (before !== null && now === null) return;
    const count = (rollout: Rollout | null) => rows.filter((row) => takesTraffic(row, rollout, revisionOf)).length;
    const { held } = this.standing(rows);
    // More may be wanted since a moment.
    const wanted = Math.min(this.#wanted, this.#turnedFor, this.#deps.wanted());
    const usual = wanted - held - unavailableOf(after, wanted);
    const least = Math.min(count(now), this.#withoutCordoned(usual, after));
    // Whoever begins anew with both versions in traffic takes one of them out of it.
    const isAnew = before?.id !== after.id;
    const serving = count(then);
    if (serving < (isAnew ? Math.min(least, 1) : least))
      this.#break("S2", `${serving} serve as requests turn with ${after.id} (${after.phase}), ${least} have to`);
  }

  /** R5: its deadline moves only with what becomes healthy. */
  #judgeTime(rows: readonly Deployment[]): void {
    const rollout = this.#current;
    if (rollout === null || rollout.phase !== "progressing" || rollout.spec.progressDeadlineMs === null) return;
    const { revisionOf, now } = this.#deps;
    const to = revisionOf(rollout.toVersion);
    const healthy = this.#healthy(to, rollout.spec.minHealthyMs, rows);
    if (healthy > this.#mostHealthy) {
      this.#mostHealthy = healthy;
      this.#progressedAt = now();
    }
    const overMs = now() - this.#progressedAt - rollout.spec.progressDeadlineMs;
    if (overMs <= OVERDUE_MS) return;
    const others = inHand(rows).filter((row) => isLive(row) && saysOf(row, revisionOf) !== to);
    if (healthy >= freshOf(rollout, this.standing(rows)) && others.length === 0) return;
    this.#break("R5", `${rollout.id} should have failed ${overMs} ms ago`);
  }

  #atTarget({ toVersion }: Rollout, rows: readonly Deployment[]): Deployment[] {
    const { revisionOf } = this.#deps;
    const to = revisionOf(toVersion);
    return inHand(rows).filter((row) => !row.held && revisionOf(row.version) === to);
  }

  /** Kept out of traffic at the target by a user: nobody waits for those, but one that serves is left. */
  #withoutCordoned(least: number, { toVersion }: Rollout): number {
    const { revisionOf, rows } = this.#deps;
    return Math.min(least, Math.max(1, least - this.#cordoned(revisionOf(toVersion), rows())));
  }

  #cordoned(to: string, rows: readonly Deployment[]): number {
    const { revisionOf } = this.#deps;
    const live = rows.filter((row) => isPooled(row) && isLive(row) && row.cordoned && row.ready);
    return live.filter(({ version }) => revisionOf(version) === to).length;
  }

  #healthy(to: string, minHealthyMs: number, rows: readonly Deployment[]): number {
    const { revisionOf, now } = this.#deps;
    const isHealthy = (row: Deployment) => {
      const isReady = isLive(row) && isAvailable(row) && row.readyAt !== null;
      return isReady && saysOf(row, revisionOf) === to && row.readyAt + minHealthyMs <= now();
    };
    return rows.filter((row) => isPooled(row) && isHealthy(row)).length;
  }

  /** In traffic for long enough to count, at the target. */
  #serving(rollout: Rollout): number {
    const { revisionOf, rows, now, isMisplaced } = this.#deps;
    const to = revisionOf(rollout.toVersion);
    return rows().filter((row) => {
      if (!takesTraffic(row, rollout, revisionOf)) return false;
      if (revisionOf(row.version) !== to || isMisplaced(row)) return true;
      return (row.readyAt ?? now()) + rollout.spec.minHealthyMs <= now();
    }).length;
  }

  #break(invariant: string, how: string): void {
    this.violation ??= `${invariant}: ${how}`;
  }
}

/** Until somebody acts on it. */
function isStopped(rollout: Rollout | null): boolean {
  return rollout?.phase === "paused" || rollout?.phase === "stalled";
}
