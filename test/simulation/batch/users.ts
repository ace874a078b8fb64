/** People and producers of messages: what they do to an application, and what they are told. */
import type { TaskRequest } from "../../../src/api/schemas/task.ts";
import { GantryError } from "../../../src/errors.ts";
import { newSchedule, suspendSchedule } from "../../../src/jobs/schedules/schedule.ts";
import { watch } from "../../../src/jobs/schedules/watch.ts";
import { taskDraft } from "../../../src/jobs/tasks/draft.ts";
import { applyChange } from "../../../src/orchestrator/change.ts";
import { applyDelete, planPatch } from "../../../src/orchestrator/commands.ts";
import { readApplication } from "../../../src/orchestrator/storage/application-row.ts";
import type { Random } from "../random.ts";
import { APPLICATION } from "./account.ts";
import { RESET, type BatchLife } from "./application.ts";
import { messageOf, newScheduleOf, nameOf, requestOf } from "./choices.ts";
import { uuidOf } from "./entropy.ts";
import type { BatchDeed, MessageChoice } from "./scenario.ts";
import type { BatchWorld, Counts } from "./world.ts";

const USER = "ann";

export class Users {
  /** By id, those that were sent to the queue. */
  readonly messages = new Map<string, MessageChoice>();
  readonly #world: BatchWorld;
  readonly #random: Random;
  #ids = 0;

  constructor(world: BatchWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  perform(deed: BatchDeed): void {
    switch (deed.do) {
      case "schedule": {
        const id = uuidOf(this.#random);
        const given = newScheduleOf(id, deed);
        const guard = this.#guard(id);
        return this.#ask(async ({ env, schedules }) => {
          await watch(env, APPLICATION, newSchedule(given, this.#world.clock()).state.wakeAt);
          await schedules.put(given, guard, USER);
        });
      }
      case "suspend": {
        const guard = this.#guard("");
        return this.#ask(async ({ env, schedules }) => {
          const { schedule } = schedules.view(nameOf(deed.nth));
          await watch(env, APPLICATION, suspendSchedule(schedule, deed.suspended, this.#world.clock()).state.wakeAt);
          await schedules.suspend(schedule.name, deed.suspended, guard, USER);
        });
      }
      case "run-now": {
        const id = uuidOf(this.#random);
        return this.#ask(({ schedules }) => schedules.runNow(nameOf(deed.nth), id, this.#guard(id), USER));
      }
      case "unschedule": {
        return this.#ask(({ schedules }) => schedules.remove(nameOf(deed.nth), this.#guard(""), USER));
      }
      case "send": {
        for (const choice of deed.messages) this.#send(choice);
        return undefined;
      }
      case "post": {
        const requests = deed.messages.map((choice) => requestOf(choice, `post ${(this.#ids += 1)}`));
        return this.#post(requests);
      }
      case "task": {
        const all = [...this.#world.tasks.known.keys()];
        const id = all[deed.nth % all.length];
        if (id === undefined) return undefined;
        return this.#ask(({ tasks }) => this.#onTask(tasks, id, deed.action));
      }
      case "job": {
        const all = this.#world.jobs.unfinished();
        const job = all[deed.nth % all.length];
        if (job === undefined) return undefined;
        return this.#ask(
          ({ jobs }) => void (deed.action === "cancel" ? jobs.cancel(job.id, USER) : jobs[deed.action](job.id)),
        );
      }
      case "scale": {
        return this.scale(deed);
      }
      case "clock": {
        this.#world.skewMs += deed.byMs;
        return this.#world.application.leapt();
      }
      case "vanish": {
        const all = this.#world.platform.alive();
        const container = all[deed.nth % all.length];
        return container === undefined ? undefined : this.#world.platform.vanish(container);
      }
      case "crash": {
        return this.#world.application.crash();
      }
      case "delete": {
        return this.#ask(({ db, scheduler }) => {
          const row = readApplication(db);
          if (row === undefined || row.deleting) return;
          this.#world.isDeleting = true;
          applyDelete(db, row, this.#world.clock());
          scheduler.pass();
        });
      }
    }
  }

  scale(counts: Counts): void {
    this.#ask(({ db, scheduler }) => {
      const row = readApplication(db);
      if (row === undefined || row.deleting) return;
      const { instances, jobs, posts } = counts;
      const patch = { instances, jobInstances: jobs, maxParallelTasks: posts };
      this.#world.counted({ instances, jobs, posts });
      applyChange(db, row, planPatch(db, row, patch), this.#world.clock());
      scheduler.pass();
    });
  }

  /** What is refused is refused; whoever is told that it was lost asks no more. */
  #ask(perform: (life: BatchLife) => unknown): void {
    if (this.#world.application.erased) return;
    this.#world.application
      .call(async (life) => {
        await perform(life);
      })
      .catch((error: unknown) => {
        this.#world.tell(`refused: ${String(error)}`);
        const isKnown = GantryError.is(error) || error === RESET || String(error).includes("Network connection lost");
        if (!isKnown) this.#world.violation ??= `E: ${String(error)}`;
      });
  }

  #onTask(tasks: BatchLife["tasks"], id: string, action: "cancel" | "retry" | "remove"): void {
    if (action === "cancel") {
      this.#world.tasks.cancel(id);
      tasks.cancel([id], USER);
    }
    if (action === "remove") tasks.remove([id], USER);
    if (action !== "retry") return;
    this.#world.tasks.retrying = id;
    try {
      tasks.retry([id]);
    } finally {
      this.#world.tasks.retrying = null;
    }
  }

  #send(choice: MessageChoice): void {
    const id = `m${(this.#ids += 1)}`;
    this.messages.set(id, choice);
    this.#world.queue.send(id, messageOf(choice, id));
  }

  /** Whatever somebody has suspended. */
  resume(): void {
    for (const { id, suspended } of this.#world.jobs.unfinished())
      if (suspended) this.#ask(({ jobs }) => void jobs.resume(id));
  }

  #post(requests: readonly TaskRequest[]): void {
    const origins = requests.map((request) => ({ request, id: `r${(this.#ids += 1)}` }));
    void Promise.all(origins.map(({ request, id }) => taskDraft(APPLICATION, request, { kind: "request", id }))).then(
      (drafts) => this.#ask(({ tasks }) => tasks.create(drafts)),
    );
  }

  #guard(seed: string) {
    return { ifMatch: null, lease: null, seed, isRetry: false };
  }
}
