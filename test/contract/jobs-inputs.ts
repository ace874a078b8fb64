/** What a schema cannot say about good jobs, schedules and tasks: which of their fields go together, and which times there are. */
import type { Random } from "../simulation/random.ts";

const CRONS = ["@hourly", "*/5 * * * *", "30 2 * * MON-FRI", "0 0 1,15 * *"] as const;
const ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"] as const;

/** The value of a field of theirs, or undefined. */
export function jobHint(name: string, random: Random): unknown {
  switch (name) {
    case "cron":
      return random.pick(CRONS);
    case "time_zone":
      return random.pick(ZONES);
    case "completions":
      return random.between(1, 3);
    case "max_failed_indexes":
    case "retries":
    case "retries_per_index":
    case "loss_retries":
      return random.between(0, 2);
    default:
      return undefined;
  }
}

/** Of a body that is a job, or has one in `job`; `isMade`: of an application, which may run jobs. */
export function repairJobs(body: Record<string, unknown>, operationPath: string, random: Random): void {
  if (/\/(?:applications|applications\/\{id\})$/.test(operationPath) && random.chance(0.7)) {
    body["jobs"] = true;
    delete body["job_instances"];
  }
  if (operationPath.endsWith("/jobs")) {
    repairJob(body);
    if (random.chance(0.85)) brief(body);
  }
  if (operationPath.endsWith("/jobs/{job}")) repairChange(body, random);
  if (isRecord(body["job"])) {
    repairJob(body["job"]);
    brief(body["job"]);
  }
  const { misfire } = body;
  if (!isRecord(misfire)) return;
  if (misfire["policy"] !== "all") delete misfire["limit"];
  if (misfire["policy"] === "skip") delete misfire["after_suspension"];
}

function repairJob(job: Record<string, unknown>): void {
  if (job["entrypoint"] === undefined) delete job["command"];
  delete job["vcpus"];
  if (job["instance_type"] !== undefined) for (const size of ["vcpu", "memory_mib"]) delete job[size];
  const completions = typeof job["completions"] === "number" ? job["completions"] : 1;
  job["parallelism"] = Math.min(Number(job["parallelism"] ?? 1), completions);
  if (job["retries_per_index"] === undefined) delete job["max_failed_indexes"];
  if (job["failure_policy"] !== undefined) {
    job["failure_policy"] = [{ action: "fail_job", exit_codes: { operator: "in", values: [42] } }];
  }
  if (job["success_policy"] !== undefined) job["success_policy"] = [{ count: 1 }];
  // Else it is there for the rest of the walk, and no other instance is to be found.
  job["deadline"] ??= 2;
  named(job["environment_variables"], "V");
  named(job["secrets"], "S");
}

/** A command that the containers of the walk end at once, with output: else they run for ever. */
function brief(job: Record<string, unknown>): void {
  job["entrypoint"] = ["/bin/sh", "-c"];
  job["environment_variables"] = [{ name: "TASK", value: "exit=0 print=done" }];
  for (const field of ["shell", "suspend", "image"]) delete job[field];
}

/** Most are to go on: what is cancelled has nothing left to be asked for. */
function repairChange(body: Record<string, unknown>, random: Random): void {
  const isCancel = random.chance(0.3);
  delete body[isCancel ? "suspend" : "terminate"];
  if (isCancel) body["terminate"] = true;
  else body["suspend"] ??= random.chance(0.5);
}

/** Names of their own, which are those of variables. */
function named(items: unknown, letter: string): void {
  if (!Array.isArray(items)) return;
  items.forEach((item: unknown, index) => {
    if (isRecord(item)) item["name"] = `${letter}${index}`;
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
