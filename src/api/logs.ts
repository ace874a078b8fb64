/** Logs from where they are: of instances that live, out of their containers, and of jobs, from what was kept of them. */
import { inBatches } from "../batches.ts";
import type { LogReading } from "../containers/log-reading.ts";
import { GantryError } from "../errors.ts";
import type { KeptOutput } from "../jobs/job-control.ts";
import type { AttemptRecord } from "../jobs/job-store.ts";
import { entryOf, type LogEntry } from "../logs/entry.ts";
import { BEGINNING, type LogStream, type NoLogs, type Positions } from "../logs/ring.ts";
import type { InstanceState } from "../orchestrator/health.ts";
import type { InstanceView } from "../orchestrator/views.ts";
import { applicationStub, instanceStub, publicInstanceId } from "../stubs.ts";
import { withTimeout } from "../with-timeout.ts";
import { invalid } from "./body.ts";

/** Read for one answer: of each a command runs. */
export const MAX_INSTANCES = 50;
/** Of a job, the last that have ended. */
export const MAX_ATTEMPTS = 50;
/** Longer than a command inside may take, for an object that is lost in the middle of it. */
const ANSWER_TIMEOUT_MS = 10_000;
const LIVE: ReadonlySet<InstanceState> = new Set(["provisioning", "running", "unhealthy", "stopping"]);

const HOW_TO_ADD =
  "COPY node_modules/gantry/containers/init/gantry-init /gantry-init and " +
  'ENTRYPOINT ["/bin/sh", "/gantry-init"] in its Dockerfile give it logs: docs/logs.md';

const WHY: Readonly<Record<NoLogs, readonly [sentence: string, fix: string]>> = {
  no_init: ["its image was started without Gantry's init, and the platform gives no output of a container", HOW_TO_ADD],
  no_output_kept: [
    "its image has /gantry-init, but that keeps nothing in this container",
    'put "/bin/sh", "/gantry-init" first in the configuration\'s entrypoint, if it has one; the image needs awk, mkfifo ' +
      "and tee, and a place to write in /tmp, /dev/shm or /run",
  ],
  no_shell: ["nothing can be run in its image, which has no /bin/sh", `use an image with a shell; ${HOW_TO_ADD}`],
  not_running: [
    "it has no container now, and its output went with the last",
    "read the logs of an instance that runs; GET …/events tells why the last one ended",
  ],
  no_answer: ["its container did not answer in time", "ask again in a moment"],
};

/** An instance whose logs cannot be read. */
export interface Unavailable {
  readonly instance: string;
  readonly cause: NoLogs;
  readonly message: string;
}

export function unavailable(instance: string, cause: NoLogs): Unavailable {
  const [sentence, fix] = WHY[cause];
  return { instance, cause, message: `${sentence}: ${fix}` };
}

export function noLogs(instance: string, cause: NoLogs): GantryError {
  const [sentence, fix] = WHY[cause];
  return new GantryError("LOGS_NOT_AVAILABLE", `instance ${instance} has no logs: ${sentence}`, {
    instance,
    cause,
    fix,
  });
}

export function isLive({ state }: InstanceView): boolean {
  return LIVE.has(state);
}

/** Those of an application whose logs are its own; attempts of jobs have theirs. Throws when they are too many. */
export function liveServices(views: readonly InstanceView[]): InstanceView[] {
  const live = views.filter((view) => isLive(view) && view.deployment.attempt === undefined);
  if (live.length <= MAX_INSTANCES) return live;
  throw invalid({
    instance: `is needed: ${live.length} instances live, and logs are read of ${MAX_INSTANCES} at most`,
  });
}

export interface Read {
  readonly view: InstanceView;
  readonly entries: readonly LogEntry[];
  readonly generation: number;
  readonly next: Positions;
  readonly why: NoLogs | null;
}

/** What comes after a place; all that is kept, without one. */
export async function readInstanceLogs(
  env: Env,
  view: InstanceView,
  after: { readonly generation: number } & Positions = { generation: 0, ...BEGINNING },
): Promise<Read> {
  const { generation, stdout, stderr } = after;
  const nothing = { view, entries: [], generation, next: { stdout, stderr } };
  if (!isLive(view)) return { ...nothing, why: "not_running" };
  const reading = await withTimeout<LogReading>(
    instanceStub(env, view.deployment.id).logs(generation, { stdout, stderr }),
    ANSWER_TIMEOUT_MS,
  ).catch((): null => null);
  if (reading === null) return { ...nothing, why: "no_answer" };
  if (reading.why !== null) return { ...nothing, why: reading.why };
  const entries = reading.lines.map((line) => entryOf(line, view.instanceId, reading.generation));
  return { view, entries, generation: reading.generation, next: reading.next, why: null };
}

/** Of several, at most six at a time. */
export async function readLogsOf(env: Env, views: readonly InstanceView[]): Promise<Read[]> {
  return await inBatches(views, async (view) => await readInstanceLogs(env, view));
}

/** What the attempts of a job that are over have printed. Their lines have no times of their own: they end with them. */
export async function readJobLogs(env: Env, applicationId: string, key: string): Promise<LogEntry[]> {
  const application = applicationStub(env, applicationId);
  const detail: {
    readonly latest: readonly AttemptRecord[];
    readonly view: { readonly job: { readonly id: string } };
  } = await application.jobInDetail(key, MAX_ATTEMPTS);
  const { latest, view } = detail;
  const read = await inBatches(latest, async ({ number }): Promise<LogEntry[]> => {
    const kept: KeptOutput | null = await application.jobOutput(view.job.id, number).catch((): null => null);
    if (kept?.output == null) return [];
    const { record, output } = kept;
    return (["stdout", "stderr"] as const).flatMap((stream) => linesOf(env, record, stream, output[stream]));
  });
  return read.flat();
}

function linesOf(env: Env, record: AttemptRecord, stream: LogStream, text: string): LogEntry[] {
  const { deployment, generation, number: attempt, endedAt: at } = record;
  const instance = publicInstanceId(env, deployment);
  const lines = text.replace(/\n$/, "").split("\n");
  if (text === "") return [];
  return lines.map((line, index) => ({
    ...entryOf({ stream, sequence: index + 1, at, text: line.replace(/\r$/, ""), isCut: false }, instance, generation),
    attempt,
  }));
}
