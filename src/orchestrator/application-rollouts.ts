/** What the API asks of an application about its rollouts. */
import type { Grant } from "../account/ledger.ts";
import { ApplicationTasks } from "./application-tasks.ts";
import type { RolloutAction } from "./rollouts/actions.ts";
import { rolloutNotFound } from "./rollouts/rollout-control.ts";
import { isResting } from "./rollouts/rollout.ts";
import type { RolloutRequest } from "./specification.ts";
import type { RolloutView } from "./views.ts";
import { waitUntil, type Waited } from "./waits.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

export interface RolloutActed {
  readonly success: boolean;
  /** Why it was refused; empty when it was not. */
  readonly message: string;
  readonly rollout: RolloutView;
}

export class ApplicationRollouts extends ApplicationTasks {
  async rollout(request: RolloutRequest, guard: WriteGuard, grant: Grant | null = null): Promise<RolloutView> {
    // Who serves decides how carefully it goes. A shard that does not answer is not waited for: it is taken for what it was.
    await this.core.shards.refresh().catch(() => undefined);
    const { id } = this.core.specification.rollout(this.core.mustRow(), request, guard, grant, Date.now());
    return await this.#followed(id);
  }

  /** Done by the same request before, it is not done again. */
  async rolloutAction(id: string, action: RolloutAction, actor: string, guard: WriteGuard): Promise<RolloutActed> {
    // A shard that does not answer keeps nobody from going back.
    await this.core.shards.refresh().catch(() => undefined);
    const row = this.core.mustRow();
    requireGuard(this.core.db, row, guard, Date.now());
    const { isDone, message } = this.core.rollout.control.act(
      row,
      id,
      action,
      { actor, request: guard.seed },
      Date.now(),
    );
    if (isDone) this.core.pass();
    return { success: isDone, message, rollout: await this.#followed(id) };
  }

  /** False: there is none. Throws while it is under way. */
  deleteRollout(id: string, guard: WriteGuard): boolean {
    requireGuard(this.core.db, this.core.mustRow(), guard, Date.now());
    return this.core.rollout.control.remove(id);
  }

  /** Newest first. */
  async rollouts(): Promise<RolloutView[]> {
    await this.core.shards.refresh();
    const row = this.core.mustRow();
    return this.core.rollout.log.list().map(({ id }) => this.core.views.rollout(row, id));
  }

  async rolloutOf(id: string): Promise<RolloutView> {
    await this.core.shards.refresh();
    return this.core.views.rollout(this.core.mustRow(), id);
  }

  /** Until it is over, or does nothing more by itself. */
  async waitForRollout(id: string, timeoutMs: number): Promise<Waited<RolloutView>> {
    await this.core.shards.refresh();
    if (this.core.rollout.log.get(id) === null) throw rolloutNotFound(id);
    const look = () => {
      const row = this.core.row();
      if (row === undefined || row.deleting || this.core.rollout.log.get(id) === null) return null;
      return this.core.views.rollout(row, id);
    };
    return await waitUntil(this.core.changes, look, ({ rollout }) => isResting(rollout), timeoutMs);
  }

  async #followed(id: string): Promise<RolloutView> {
    await this.core.shards.followed();
    return this.core.views.rollout(this.core.mustRow(), id);
  }
}
