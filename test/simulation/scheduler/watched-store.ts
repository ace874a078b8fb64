/**
 * The deployments of an application, with an eye on every write of a row, on every old placement that is stopped for a new
 * version, and on what each turn places.
 */
import type { Database } from "../../../src/database.ts";
import { DeploymentStore } from "../../../src/orchestrator/deployment-store.ts";
import { isAvailable, isPooled, type Deployment } from "../../../src/orchestrator/plan/deployment.ts";

export interface StoreWatch {
  /** Each row as it was and is; undefined: there is none. */
  readonly onWritten: (before: Deployment | undefined, after: Deployment | undefined) => void;
  /** How many of the pool are wanted. */
  readonly wanted: () => number;
  /** How many take traffic after the turn in which one that did was stopped as outdated, when so many were wanted. */
  readonly onReplaced: (serving: number, all: readonly Deployment[], wanted: number) => void;
  /** A rollout is under way: the planner takes that one out of traffic, and has done all of its turn. */
  readonly rolling: {
    readonly isUnderWay: () => boolean;
    readonly takingOut: (before: Deployment) => void;
    readonly takenOut: () => void;
    readonly placed: (next: Deployment) => void;
  };
  /** It has to go at once, whatever becomes of others. */
  readonly isForced: (before: Deployment) => boolean;
  /** What one turn placed, where `before` deployments were. */
  readonly onPlaced: (placed: readonly Deployment[], before: number) => void;
}

/** By the planner, not by a user. */
function isTakenOut(before: Deployment, next: Deployment): boolean {
  if (!isAvailable(before)) return false;
  const isParked = next.parkedUntil !== undefined && next.phase === before.phase;
  const isStopped = next.phase === "stopping" && ["Outdated", "ScaledDown"].includes(next.stopReason ?? "");
  return isParked || isStopped;
}

function isRecalled(before: Deployment, next: Deployment): boolean {
  const isSame = before.generation === next.generation && next.phase === "running";
  return isSame && before.parkedUntil !== undefined && next.parkedUntil === undefined;
}

export class WatchedStore extends DeploymentStore {
  #isToldSoon = false;
  readonly #watch: StoreWatch;
  #placed: Deployment[] = [];
  #before = 0;

  constructor(db: Database, watch: StoreWatch) {
    super(db);
    this.#watch = watch;
  }

  override put(next: Deployment): void {
    const before = this.get(next.id);
    const count = this.size;
    const { rolling } = this.#watch;
    const isRolling = rolling.isUnderWay() && isPooled(next);
    if (isRolling && before !== undefined && isTakenOut(before, next) && !this.#watch.isForced(before)) {
      rolling.takingOut(before);
      queueMicrotask(() => rolling.takenOut());
    }
    super.put(next);
    this.#watch.onWritten(before, next);
    if (before === undefined) this.#notePlaced(next, count);
    if (isRolling && (before === undefined || isRecalled(before, next))) rolling.placed(next);
    if (isRolling) return;
    const isReplaced = next.phase === "stopping" && next.stopReason === "Outdated" && before?.phase === "running";
    if (!isReplaced || !isAvailable(before) || this.#watch.isForced(before)) return;
    if (this.#isToldSoon) return;
    this.#isToldSoon = true;
    const wanted = this.#watch.wanted();
    queueMicrotask(() => {
      this.#isToldSoon = false;
      const all = this.all().filter(isPooled);
      this.#watch.onReplaced(all.filter(isAvailable).length, all, wanted);
    });
  }

  override remove(id: string): void {
    const before = this.get(id);
    super.remove(id);
    this.#watch.onWritten(before, undefined);
  }

  #notePlaced(next: Deployment, before: number): void {
    if (this.#placed.length === 0) {
      this.#before = before;
      queueMicrotask(() => {
        const placed = this.#placed;
        this.#placed = [];
        this.#watch.onPlaced(placed, this.#before);
      });
    }
    this.#placed.push(next);
  }
}
