/** Jobs of an application: made, listed, watched, waited for, suspended, cancelled and deleted. */
import * as z from "zod";
import { GantryError } from "../../errors.ts";
import type { AttemptPage, JobPage, JobView, KeptOutput } from "../../jobs/job-control.ts";
import type { AttemptRecord } from "../../jobs/job-store.ts";
import type { QueueView } from "../../jobs/queue-view.ts";
import { JOB_CONDITIONS } from "../../jobs/conditions.ts";
import type { ApplicationView } from "../../orchestrator/views.ts";
import type { Waited } from "../../orchestrator/waits.ts";
import { applicationStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { guardOf } from "../guard.ts";
import { admittedJob, jobRequestOf, requireOwnNames } from "../jobs.ts";
import { numberInPageToken, pageInfo, pageQuery } from "../pagination.ts";
import { attemptLogs, attemptResult, deletedJob, jobResult, jobState, queueStatus } from "../results/job.ts";
import { defineRoute, type Call } from "../route.ts";
import { createJobSchema, patchJobSchema, type CreateJob } from "../schemas/job.ts";
import { ADMISSION_ERRORS } from "../specification.ts";
import { wireAttempt, wireAttemptEvents, wireJob, wireLiveAttempt, wireQueue } from "../wire/job.ts";
import { findApplication, findView } from "./lookup.ts";
import { waitTimeout } from "./wait.ts";

const PATH = "/applications/:id/jobs";
const NO_QUERY = z.strictObject({});
const EVENTS_SHOWN = 20;
const QUEUE_SHOWN = 100;

/** As the application's object tells it. */
interface JobInDetail {
  readonly view: JobView;
  readonly latest: readonly AttemptRecord[];
}

type WaitedJob = Waited<JobView> & Pick<JobInDetail, "latest">;

const FOUND = ["APPLICATION_NOT_FOUND", "JOB_NOT_FOUND"] as const;

const key = (call: Pick<Call<unknown, unknown>, "params">) => call.params["job"] ?? "";

export const jobRoutes = [
  defineRoute({
    method: "POST",
    path: PATH,
    tag: "Jobs",
    summary: "Run containers to their completion",
    scope: "job:submit",
    query: NO_QUERY,
    body: createJobSchema,
    result: jobResult,
    statuses: [201],
    errors: [
      "APPLICATION_NOT_FOUND",
      "JOB_CREATE_NOT_ALLOWED",
      "LEASE_HELD",
      "PRECONDITION_FAILED",
      ...ADMISSION_ERRORS,
    ],
    run: async (call) => {
      const view = await create(call);
      return { status: 201, result: { ...wireJob(findApplication(call).id, view), events: [] } };
    },
  }),
  defineRoute({
    method: "GET",
    path: PATH,
    tag: "Jobs",
    summary: "List jobs, newest first",
    scope: "job:read",
    query: z.strictObject({
      ...pageQuery(20, 100),
      // Those of schedules have a minute behind the name of their schedule.
      name: z.string().min(1).max(63).optional().describe("Jobs of this name only"),
      state: jobState.optional().describe("Jobs in this state only"),
      schedule: z.string().min(1).max(100).optional().describe("Jobs that this schedule has made"),
    }),
    result: z.array(jobResult),
    errors: ["APPLICATION_NOT_FOUND"],
    paged: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const { per_page: perPage, page_token: token, name, state, schedule } = call.query;
      const filter = {
        ...(name === undefined ? {} : { name }),
        ...(state === undefined ? {} : { state }),
        ...(schedule === undefined ? {} : { source: schedule }),
      };
      const before = numberInPageToken(token);
      const page: JobPage = await applicationStub(call.env, id).listJobs(filter, before, perPage);
      const jobs = page.jobs.map((view) => ({ ...wireJob(id, view), events: [] }));
      return { result: jobs, resultInfo: pageInfo(perPage, token, jobs.length, page.next) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${PATH}/:job`,
    tag: "Jobs",
    summary: "Get a job by id, or the newest of a name",
    scope: "job:read",
    query: NO_QUERY,
    result: jobResult,
    errors: FOUND,
    run: async (call) => {
      const { id } = findApplication(call);
      const application = applicationStub(call.env, id);
      const found: JobInDetail = await application.jobInDetail(key(call), EVENTS_SHOWN);
      return { result: { ...wireJob(id, found.view), events: wireAttemptEvents(found.latest) } };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: `${PATH}/:job`,
    tag: "Jobs",
    summary: "Cancel a job, suspend it or go on with it",
    scope: "operate",
    query: NO_QUERY,
    body: patchJobSchema,
    result: jobResult,
    errors: [...FOUND, "JOB_FINISHED", "LEASE_HELD", "PRECONDITION_FAILED"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { terminate, suspend } = call.body;
      const action = terminate === true ? "cancel" : suspend === true ? "suspend" : "resume";
      const application = applicationStub(call.env, id);
      const view: JobView = await application.changeJob(key(call), action, call.actor.name, guardOf(call));
      return { result: { ...wireJob(id, view), events: [] } };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: `${PATH}/:job`,
    tag: "Jobs",
    summary: "Delete a job with all that is kept of it; one that runs is cancelled first",
    scope: "operate",
    query: NO_QUERY,
    result: deletedJob,
    errors: [...FOUND, "LEASE_HELD", "PRECONDITION_FAILED"],
    run: async (call) => {
      const application = applicationStub(call.env, findApplication(call).id);
      const { isGone }: { isGone: boolean } = await application.deleteJob(key(call), call.actor.name, guardOf(call));
      return { result: { message: isGone ? "deleted" : "being cancelled: it goes when nothing of it runs any more" } };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${PATH}/:job/wait`,
    tag: "Jobs",
    summary: "Wait until a job is in a state",
    scope: "job:read",
    query: z.strictObject({
      state: z.enum(JOB_CONDITIONS).default("finished").describe("The state to wait for; default: any end"),
      timeout: waitTimeout,
    }),
    result: jobResult,
    errors: [...FOUND, "WAIT_TIMEOUT", "QUEUE_FULL"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { state, timeout } = call.query;
      const application = applicationStub(call.env, id);
      const waited: WaitedJob = await application.waitForJob(key(call), state, EVENTS_SHOWN, timeout);
      const { view, isReached, latest } = waited;
      if (view === null) throw new GantryError("JOB_NOT_FOUND", `job ${key(call)} not found: GET …/jobs lists them`);
      const result = { ...wireJob(id, view), events: wireAttemptEvents(latest) };
      if (isReached) return { result };
      const message = `job ${view.job.name} is ${result.status.state}, not yet ${state}: ask again`;
      throw new GantryError("WAIT_TIMEOUT", message, { state: result.status.state });
    },
  }),
  defineRoute({
    method: "GET",
    path: `${PATH}/:job/attempts`,
    tag: "Jobs",
    summary: "List the attempts of a job by number, those that run among them",
    scope: "job:read",
    query: z.strictObject(pageQuery(50, 500)),
    result: z.array(attemptResult),
    errors: FOUND,
    paged: true,
    run: async (call) => {
      const { per_page: perPage, page_token: token } = call.query;
      const after = numberInPageToken(token) ?? 0;
      const application = applicationStub(call.env, findApplication(call).id);
      const page: AttemptPage = await application.jobAttempts(key(call), after, perPage);
      const result = page.attempts.map((one) => ("attempt" in one ? wireLiveAttempt(one) : wireAttempt(one)));
      return { result, resultInfo: pageInfo(perPage, token, result.length, page.next) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${PATH}/:job/attempts/:attempt/logs`,
    tag: "Jobs",
    summary: "What an attempt printed last",
    scope: "job:read",
    query: NO_QUERY,
    result: attemptLogs,
    errors: [...FOUND, "JOB_ATTEMPT_NOT_FOUND", "LOGS_NOT_AVAILABLE"],
    run: async (call) => {
      const number = Number(call.params["attempt"]);
      if (!Number.isInteger(number) || number < 1) throw invalid({ attempt: "must be a number from 1 on" });
      const application = applicationStub(call.env, findApplication(call).id);
      const { record, output, why }: KeptOutput = await application.jobOutput(key(call), number);
      if (output !== null) return { result: { ...wireAttempt(record), ...output } };
      throw new GantryError("LOGS_NOT_AVAILABLE", `attempt ${number} has no output: ${why}`, { state: record.state });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/status",
    tag: "Jobs",
    summary: "The queue of jobs: how many are where, and which wait the longest",
    scope: "job:read",
    query: NO_QUERY,
    result: queueStatus,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const queue: QueueView = await applicationStub(call.env, findApplication(call).id).jobQueue(QUEUE_SHOWN);
      return { result: wireQueue(queue) };
    },
  }),
];

async function create(call: Call<unknown, CreateJob>): Promise<JobView> {
  const { id } = findApplication(call);
  const view: ApplicationView = await findView(call);
  const { name = `job-${call.seed.slice(0, 8)}`, secrets, suspend, ...template } = call.body;
  requireOwnNames(
    view.configuration,
    secrets.map((secret) => secret.name),
  );
  const identity = { id: call.seed, name, suspended: suspend, origin: { kind: "user" } } as const;
  const request = jobRequestOf(template, identity, view.configuration);
  const values = Object.fromEntries(secrets.map((secret) => [secret.name, secret.value]));
  return await admittedJob(call, id, request, async (launch): Promise<JobView> => {
    return await applicationStub(call.env, id).createJob({ ...request, launch }, values, guardOf(call));
  });
}
