/**
 * The deployments of an application, with an eye on every old placement that is stopped for a new version, on everything
 * that is stopped, and on what each turn places.
 */
import type { Database } from "../../src/database.ts";
import { DeploymentStore } from "../../src/orchestrator/deployment-store.ts";
import { isAvailable, type Deployment } from "../../src/orchestrator/plan/deployment.ts";

export class WatchedStore extends DeploymentStore {
  readonly #onReplaced: (serving: number, all: readonly Deployment[]) => void;
  #isToldSoon = false;
  readonly #watch: StoreWatch;
  #placed: Deployment[] = [];
  #before = 0;

  /** `onReplaced` hears how many take traffic after the turn in which one that did was stopped as outdated. */
  constructor(db: Database, onReplaced: (serving: number, all: readonly Deployment[]) => void, watch: StoreWatch) {
    super(db);
    this.#watch = watch;
    this.#onReplaced = onReplaced;
  }

  override put(next: Deployment): void {
    const before = this.get(next.id);
    const count = this.size;
    super.put(next);
    if (before === undefined) this.#notePlaced(next, count);
    else if (next.phase === "stopping" && before.phase !== "stopping") this.#watch.onStopped(before, next.stopReason);
    const isReplaced = next.phase === "stopping" && next.stopReason === "Outdated" && before?.phase === "running";
    if (!isReplaced || !isAvailable(before)) return;
    if (this.#isToldSoon) return;
    this.#isToldSoon = true;
    queueMicrotask(() => {
      this.#isToldSoon = false;
      const all = this.all();
      this.#onReplaced(all.filter(isAvailable).length, all);
    });
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

export interface StoreWatch {
  /** What one turn placed, where `before` deployments were. */
  readonly onPlaced: (placed: readonly Deployment[], before: number) => void;
  readonly onStopped: (before: Deployment, reason: string | null) => void;
}
