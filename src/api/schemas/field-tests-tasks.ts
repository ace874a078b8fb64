/** Which test sees the effect of each field of tasks. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const TASKS = "test/workers/tasks.test.ts";

const AS_ASKED = "reaches a member of the pool as it was asked for, and 2xx completes it";
const BACKED_OFF = "is tried again with back-off when the answer is not 2xx, and dead when its retries are used up";
const DEAD_RUN = "is dead with the reason of its job when that fails, and retried by a job of its own";
const PARALLEL = "is one of so many at a time as its application says";
const LISTED = "lists page by page, newest first";

export const TASK_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: { max_parallel_tasks: [TASKS, PARALLEL] },
  PatchApplication: { max_parallel_tasks: [TASKS, PARALLEL] },
  PutApplication: { max_parallel_tasks: [TASKS, PARALLEL] },
  CreateTask: {
    mode: [TASKS, "is done by a job of its own, which has its payload"],
    idempotency_key: [TASKS, "the same key is the same task, and another body is refused"],
    payload: [TASKS, "is done by a job of its own, which has its payload"],
    "run.retries": [TASKS, DEAD_RUN],
    "run.loss_retries": [TASKS, DEAD_RUN],
    "run.backoff": [TASKS, DEAD_RUN],
    "run.max_backoff": [TASKS, DEAD_RUN],
    "run.shell": [TASKS, "is run as it is where no shell is wanted"],
    "http.path": [TASKS, AS_ASKED],
    "http.method": [TASKS, AS_ASKED],
    "http.headers": [TASKS, AS_ASKED],
    "http.timeout": [TASKS, "fails when there is no whole answer in time"],
    "http.wait": [TASKS, "fails when no member was ready for as long as it waits, and is dead with that reason"],
    "http.retries": [TASKS, BACKED_OFF],
    "http.backoff": [TASKS, BACKED_OFF],
    "http.max_backoff": [TASKS, BACKED_OFF],
    fairness_key: [TASKS, "of the key with few is not behind those of the key with many"],
    delay: [TASKS, "is cancelled while it is under way, and while it waits"],
    ttl: [TASKS, "is kept for its time, then goes with its job, and leaves no timer"],
  },
  CreateTasks: { tasks: [TASKS, "takes all of a batch, or none"] },
  query: {
    fairness_key: [TASKS, LISTED],
    mode: [TASKS, LISTED],
    "state (GET /applications/{id}/tasks)": [TASKS, LISTED],
  },
};
