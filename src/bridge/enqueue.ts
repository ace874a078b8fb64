/** A container makes a task of its own application. */
import { validate } from "../api/body.ts";
import { createTaskSchema } from "../api/schemas/task.ts";
import { GantryError } from "../errors.ts";
import { taskDraft } from "../jobs/tasks/draft.ts";
import type { ListedTask } from "../jobs/tasks/task-store.ts";
import { applicationStub } from "../stubs.ts";
import type { Enqueued } from "./messages.ts";
import type { BridgeTarget } from "./router.ts";

/** What it says nothing of, its application decides: where that has jobs, a task runs in one, else it is posted to the pool. */
export async function enqueue(
  env: Env,
  applicationId: string,
  { application, runsJobs }: Pick<BridgeTarget, "application" | "runsJobs">,
  { payload, application: named = application, key, delayMs = 0, path, mode = defaultMode(runsJobs, path) }: Enqueued,
): Promise<string> {
  if (named !== application && named !== applicationId) {
    const message = `a container makes tasks of its own application, ${application}, and not of ${named}`;
    throw new GantryError("FORBIDDEN", message, { application });
  }
  const request = validate(createTaskSchema, {
    mode,
    payload,
    delay: delayMs / 1_000,
    ...(key === undefined ? {} : { idempotency_key: key }),
    ...(path === undefined ? {} : { http: { path } }),
  });
  const draft = await taskDraft(applicationId, request, { kind: "bridge", id: crypto.randomUUID() });
  const { tasks }: { tasks: readonly ListedTask[] } = await applicationStub(env, applicationId).createTasks(
    [draft],
    null,
  );
  return tasks[0]?.task.id ?? draft.id;
}

function defaultMode(runsJobs: boolean, path: string | undefined): "run" | "http" {
  return runsJobs && path === undefined ? "run" : "http";
}
