/** The deployments of an application, with an eye on every old placement that is stopped for a new version. */
import type { Database } from "../../src/database.ts";
import { DeploymentStore } from "../../src/orchestrator/deployment-store.ts";
import { isAvailable, type Deployment } from "../../src/orchestrator/plan/deployment.ts";

export class WatchedStore extends DeploymentStore {
  readonly #onReplaced: (serving: number, all: readonly Deployment[]) => void;
  #isToldSoon = false;

  /** `onReplaced` hears how many take traffic after the turn in which one that did was stopped as outdated. */
  constructor(db: Database, onReplaced: (serving: number, all: readonly Deployment[]) => void) {
    super(db);
    this.#onReplaced = onReplaced;
  }

  override put(next: Deployment): void {
    const before = this.get(next.id);
    super.put(next);
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
}
