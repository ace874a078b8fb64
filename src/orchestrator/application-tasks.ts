/** What the API, the queue and containers do with the tasks of an application. They live in the first of its objects. */
import type { Accepted, TaskPage } from "../jobs/tasks/task-control.ts";
import type { ListedTask, TaskFilter } from "../jobs/tasks/task-store.ts";
import type { TaskDraft } from "../jobs/tasks/task.ts";
import { send } from "../containers/ingress.ts";
import { ApplicationSchedules } from "./application-schedules.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

export class ApplicationTasks extends ApplicationSchedules {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.core.taskRunner.attach({
      routing: async (waitMs) => await this.routing(waitMs),
      send: async (member, request) => await send(member, request, env),
    });
  }

  /** Messages of the queue, and what containers send in: each by itself. When this has answered, all of it is kept. */
  acceptTasks(drafts: readonly TaskDraft[]): Accepted[] {
    return this.core.tasks.accept(drafts);
  }

  /** All of them, or none. */
  async createTasks(
    drafts: readonly TaskDraft[],
    guard: WriteGuard | null,
  ): Promise<{ readonly tasks: readonly ListedTask[]; readonly isNew: boolean }> {
    this.#admit(guard);
    return this.core.tasks.create(drafts);
  }

  listTasks(filter: TaskFilter, before: number | null, limit: number): TaskPage {
    this.core.mustRow();
    return this.core.tasks.list(filter, before, limit);
  }

  /** The first of these ids that there is. */
  task(ids: readonly string[]): ListedTask {
    this.core.mustRow();
    return this.core.tasks.view(ids);
  }

  async cancelTask(ids: readonly string[], actor: string, guard: WriteGuard | null): Promise<ListedTask> {
    this.#admit(guard);
    return this.core.tasks.cancel(ids, actor);
  }

  async retryTask(ids: readonly string[], guard: WriteGuard | null): Promise<ListedTask> {
    this.#admit(guard);
    return this.core.tasks.retry(ids);
  }

  /** Deleting again what an earlier try of the same request has deleted is no error. */
  async deleteTask(ids: readonly string[], actor: string, guard: WriteGuard): Promise<void> {
    this.#admit(guard);
    if (guard.isRetry && !this.core.tasks.has(ids)) return;
    this.core.tasks.remove(ids, actor);
  }

  #admit(guard: WriteGuard | null): void {
    requireGuard(this.core.db, this.core.mustRow(), guard, Date.now());
  }
}
