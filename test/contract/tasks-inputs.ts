/** What a schema cannot say about good tasks: which of their fields go together, and what a request may be. */

/** The value of a field of the request of a posted task, or undefined. */
export function taskHint(name: string): unknown {
  switch (name) {
    case "path":
      return "/work?a=1";
    case "headers":
      return { "x-walk": "1" };
    case "method":
      return "PUT";
    case "retries":
      return 1;
    default:
      return undefined;
  }
}

/** Of a task, or a batch of them. */
export function repairTasks(body: Record<string, unknown>): void {
  const batch: unknown[] = Array.isArray(body["tasks"]) ? body["tasks"] : [body];
  // More would be the same again.
  if (Array.isArray(body["tasks"])) body["tasks"] = batch.slice(0, 3);
  for (const task of batch) {
    if (!isRecord(task)) continue;
    delete task[task["mode"] === "run" ? "http" : "run"];
    // What is short for a lease is too short for a task.
    delete task["ttl"];
    // Few walks come by one key twice with the same body.
    if (batch.length > 1) delete task["idempotency_key"];
    if (task["payload"] !== undefined) task["payload"] = { walk: 1 };
    if (isRecord(task["run"])) repairRun(task["run"]);
  }
}

/** What the containers of the walk end at once, and badly: dead tasks are needed too, and others succeed by `http`. */
function repairRun(run: Record<string, unknown>): void {
  delete run["failure_policy"];
  run["entrypoint"] = ["/bin/sh", "-c"];
  run["environment_variables"] = [{ name: "TASK", value: "exit=3" }];
  run["retries"] = 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
