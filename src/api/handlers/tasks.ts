/** Tasks of an application: sent in, listed, cancelled, retried and deleted. */
import * as z from "zod";
import type { TaskPage } from "../../jobs/tasks/task-control.ts";
import { taskDraft, taskIdOf } from "../../jobs/tasks/draft.ts";
import type { ListedTask } from "../../jobs/tasks/task-store.ts";
import type { TaskDraft } from "../../jobs/tasks/task.ts";
import { applicationStub } from "../../stubs.ts";
import { guardOf } from "../guard.ts";
import { numberInPageToken, pageInfo, pageQuery } from "../pagination.ts";
import { deletedTask, taskResult, taskState } from "../results/task.ts";
import { defineRoute, type Call } from "../route.ts";
import { createTaskSchema, createTasksSchema, type TaskRequest } from "../schemas/task.ts";
import { wireTask } from "../wire/task.ts";
import { findApplication } from "./lookup.ts";

const PATH = "/applications/:id/tasks";
const NO_QUERY = z.strictObject({});
const FOUND = ["APPLICATION_NOT_FOUND", "TASK_NOT_FOUND"] as const;
const REFUSALS = [
  "APPLICATION_NOT_FOUND",
  "IDEMPOTENCY_KEY_REUSED",
  "JOB_CREATE_NOT_ALLOWED",
  "LEASE_HELD",
  "PRECONDITION_FAILED",
  "TASKS_FULL",
] as const;

interface Created {
  readonly tasks: readonly ListedTask[];
  readonly isNew: boolean;
}

export const taskRoutes = [
  defineRoute({
    method: "POST",
    path: PATH,
    tag: "Tasks",
    summary: "Queue a task; one that has the same idempotency key is answered, and nothing is made",
    scope: "job:submit",
    query: NO_QUERY,
    body: createTaskSchema,
    result: taskResult,
    statuses: [201, 200],
    errors: REFUSALS,
    run: async (call) => {
      const { status, result } = await create(call, [call.body]);
      return { status, result: result[0] };
    },
  }),
  defineRoute({
    method: "POST",
    path: `${PATH}/batch`,
    tag: "Tasks",
    summary: "Queue up to 100 tasks, all of them or none",
    scope: "job:submit",
    query: NO_QUERY,
    body: createTasksSchema,
    result: z.array(taskResult),
    statuses: [201, 200],
    errors: REFUSALS,
    run: async (call) => await create(call, call.body.tasks),
  }),
  defineRoute({
    method: "GET",
    path: PATH,
    tag: "Tasks",
    summary: "List tasks, newest first; `state=dead` lists the dead letters",
    scope: "job:read",
    query: z.strictObject({
      ...pageQuery(20, 100),
      state: taskState.optional().describe("Tasks in this state only"),
      mode: z.enum(["run", "http"]).optional().describe("Tasks of this mode only"),
      fairness_key: z.string().max(100).optional().describe("Tasks of this key only"),
    }),
    result: z.array(taskResult),
    errors: ["APPLICATION_NOT_FOUND"],
    paged: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const { per_page: perPage, page_token: token, state, mode, fairness_key: key } = call.query;
      const filter = {
        ...(state === undefined ? {} : { state }),
        ...(mode === undefined ? {} : { mode }),
        ...(key === undefined ? {} : { fairness_key: key }),
      };
      const page: TaskPage = await applicationStub(call.env, id).listTasks(filter, numberInPageToken(token), perPage);
      return {
        result: page.tasks.map((task) => wireTask(id, task)),
        resultInfo: pageInfo(perPage, token, page.tasks.length, page.next),
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${PATH}/:task`,
    tag: "Tasks",
    summary: "Get a task by id, or by idempotency key",
    scope: "job:read",
    query: NO_QUERY,
    result: taskResult,
    errors: FOUND,
    run: async (call) => {
      const { id } = findApplication(call);
      const task: ListedTask = await applicationStub(call.env, id).task(await idsOf(call));
      return { result: wireTask(id, task) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: `${PATH}/:task`,
    tag: "Tasks",
    summary: "Delete a task with all that is kept of it; what is under way of it is cancelled",
    scope: "operate",
    query: NO_QUERY,
    result: deletedTask,
    errors: [...FOUND, "LEASE_HELD", "PRECONDITION_FAILED"],
    run: async (call) => {
      const { id } = findApplication(call);
      await applicationStub(call.env, id).deleteTask(await idsOf(call), call.actor.name, guardOf(call));
      return { result: { message: "deleted" } };
    },
  }),
  defineRoute({
    method: "POST",
    path: `${PATH}/:task/cancel`,
    tag: "Tasks",
    summary: "Cancel a task that is queued or running",
    scope: "operate",
    query: NO_QUERY,
    result: taskResult,
    errors: [...FOUND, "TASK_FINISHED", "LEASE_HELD", "PRECONDITION_FAILED"],
    run: async (call) => {
      const { id } = findApplication(call);
      const ids = await idsOf(call);
      const task: ListedTask = await applicationStub(call.env, id).cancelTask(ids, call.actor.name, guardOf(call));
      return { result: wireTask(id, task) };
    },
  }),
  defineRoute({
    method: "POST",
    path: `${PATH}/:task/retry`,
    tag: "Tasks",
    summary: "Queue a dead task again, with all its retries",
    scope: "operate",
    query: NO_QUERY,
    result: taskResult,
    errors: [...FOUND, "TASK_FINISHED", "TASKS_FULL", "LEASE_HELD", "PRECONDITION_FAILED"],
    run: async (call) => {
      const { id } = findApplication(call);
      const task: ListedTask = await applicationStub(call.env, id).retryTask(await idsOf(call), guardOf(call));
      return { result: wireTask(id, task) };
    },
  }),
];

async function create(call: Call<unknown, unknown>, requests: readonly TaskRequest[]) {
  const { id } = findApplication(call);
  const drafts: TaskDraft[] = await Promise.all(
    requests.map(async (request, index) => {
      return await taskDraft(id, request, { kind: "request", id: `${call.seed} ${index}` });
    }),
  );
  const { tasks, isNew }: Created = await applicationStub(call.env, id).createTasks(drafts, guardOf(call));
  return { status: isNew ? 201 : 200, result: tasks.map((task) => wireTask(id, task)) };
}

/** What the path names may be an id, or the key of one. */
async function idsOf(call: Call<unknown, unknown>): Promise<string[]> {
  const name = call.params["task"] ?? "";
  return [name.toLowerCase(), await taskIdOf(findApplication(call).id, name)];
}
