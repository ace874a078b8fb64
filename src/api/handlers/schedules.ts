/** Schedules of an application: created, listed, changed, suspended, run by hand and deleted. */
import * as z from "zod";
import { GantryError } from "../../errors.ts";
import type { JobView } from "../../jobs/job-control.ts";
import type { SchedulePage, ScheduleView } from "../../jobs/schedules/schedule-control.ts";
import type { NewSchedule } from "../../jobs/schedules/schedule.ts";
import type { ApplicationView } from "../../orchestrator/views.ts";
import { applicationStub } from "../../stubs.ts";
import { validate } from "../body.ts";
import { guardOf } from "../guard.ts";
import { overrideOf } from "../../jobs/override.ts";
import { admittedJob } from "../jobs.ts";
import { ownerIn } from "../ownership.ts";
import { decodePageToken, pageInfo, pageQuery } from "../pagination.ts";
import { message } from "../results/common.ts";
import { jobResult } from "../results/job.ts";
import { scheduleResult } from "../results/schedule.ts";
import { defineRoute, type Call } from "../route.ts";
import { scheduleOf } from "../schedules.ts";
import { putOwnerSchema } from "../schemas/owner.ts";
import {
  createScheduleSchema,
  patchScheduleSchema,
  putScheduleSchema,
  scheduleName,
  type PutSchedule,
} from "../schemas/schedule.ts";
import { ADMISSION_ERRORS } from "../specification.ts";
import { wireJob } from "../wire/job.ts";
import { wireSchedule } from "../wire/schedule.ts";
import { findApplication, findView } from "./lookup.ts";

const PATH = "/applications/:id/schedules";
const NO_QUERY = z.strictObject({});
const FOUND = ["APPLICATION_NOT_FOUND", "SCHEDULE_NOT_FOUND"] as const;
const WRITE = [
  "LEASE_HELD",
  "PRECONDITION_FAILED",
  "JOB_CREATE_NOT_ALLOWED",
  "SCHEDULE_LIMIT_REACHED",
  ...ADMISSION_ERRORS,
] as const;

const key = (call: Pick<Call<unknown, unknown>, "params">) => call.params["schedule"] ?? "";

export const scheduleRoutes = [
  defineRoute({
    method: "POST",
    path: PATH,
    tag: "Schedules",
    summary: "Run jobs at times",
    query: NO_QUERY,
    body: createScheduleSchema,
    result: scheduleResult,
    statuses: [201],
    errors: ["APPLICATION_NOT_FOUND", "SCHEDULE_ALREADY_EXISTS", ...WRITE],
    etag: true,
    owned: "itself",
    run: async (call) => {
      const { name, ...body } = call.body;
      const owner = ownerIn(call.request);
      const view = await admitted(call, name, body, async (given): Promise<ScheduleView> => {
        const application = applicationStub(call.env, findApplication(call).id);
        const made = owner === null ? given : { ...given, owner };
        return await application.createSchedule(made, guardOf(call), call.actor.name);
      });
      return { status: 201, result: wireSchedule(findApplication(call).id, view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "GET",
    path: PATH,
    tag: "Schedules",
    summary: "List schedules, by name",
    query: z.strictObject(pageQuery(50, 100)),
    result: z.array(scheduleResult),
    errors: ["APPLICATION_NOT_FOUND"],
    paged: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const { per_page: perPage, page_token: token } = call.query;
      const page: SchedulePage = await applicationStub(call.env, id).schedules(decodePageToken(token), perPage);
      const result = page.schedules.map((view) => wireSchedule(id, view));
      return { result, resultInfo: pageInfo(perPage, token, result.length, page.next) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${PATH}/:schedule`,
    tag: "Schedules",
    summary: "Get a schedule, with the times of its next runs; GET …/jobs?schedule= lists its jobs",
    query: NO_QUERY,
    result: scheduleResult,
    errors: FOUND,
    etag: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const view: ScheduleView = await applicationStub(call.env, id).schedule(key(call));
      return { result: wireSchedule(id, view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "PUT",
    path: `${PATH}/:schedule`,
    tag: "Schedules",
    summary: "Create a schedule, or give it another specification; nothing of the past is fired by that",
    query: NO_QUERY,
    body: putScheduleSchema,
    result: scheduleResult,
    errors: ["APPLICATION_NOT_FOUND", ...WRITE],
    etag: true,
    run: async (call) => {
      const { name } = validate(z.strictObject({ name: scheduleName }), { name: key(call) });
      const view = await admitted(call, name, call.body, async (given): Promise<ScheduleView> => {
        const application = applicationStub(call.env, findApplication(call).id);
        return await application.putSchedule(given, guardOf(call), call.actor.name);
      });
      return { result: wireSchedule(findApplication(call).id, view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: `${PATH}/:schedule`,
    tag: "Schedules",
    summary: "Suspend a schedule, or resume it",
    scope: "operate",
    query: NO_QUERY,
    body: patchScheduleSchema,
    result: scheduleResult,
    errors: [...FOUND, "LEASE_HELD", "PRECONDITION_FAILED"],
    etag: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const { suspend } = call.body;
      const application = applicationStub(call.env, id);
      const view: ScheduleView = await application.suspendSchedule(key(call), suspend, guardOf(call), call.actor.name);
      return { result: wireSchedule(id, view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: `${PATH}/:schedule`,
    tag: "Schedules",
    summary: "Delete a schedule and the finished jobs that it keeps; what runs goes on to its end",
    query: NO_QUERY,
    result: message,
    errors: [...FOUND, "LEASE_HELD", "PRECONDITION_FAILED"],
    etag: true,
    run: async (call) => {
      const name = key(call);
      const application = applicationStub(call.env, findApplication(call).id);
      const isRemoved: boolean = await application.deleteSchedule(name, guardOf(call), call.actor.name);
      if (!isRemoved && !call.isRetry) {
        const text = `schedule ${name.slice(0, 100)} not found: GET …/schedules lists them`;
        throw new GantryError("SCHEDULE_NOT_FOUND", text, { schedule: name.slice(0, 100) });
      }
      return { result: { message: `schedule ${name} is deleted` } };
    },
  }),
  defineRoute({
    method: "POST",
    path: `${PATH}/:schedule/run`,
    tag: "Schedules",
    summary: "Run the job of a schedule now, as its concurrency allows; a suspended one too",
    scope: "operate",
    query: NO_QUERY,
    result: jobResult,
    statuses: [201],
    errors: [
      ...FOUND,
      "SCHEDULE_BUSY",
      "JOB_CREATE_NOT_ALLOWED",
      "SURPASSED_TOTAL_LIMITS",
      "LEASE_HELD",
      "PRECONDITION_FAILED",
    ],
    run: async (call) => {
      const { id } = findApplication(call);
      const application = applicationStub(call.env, id);
      const view: JobView = await application.runSchedule(key(call), call.seed, guardOf(call), call.actor.name);
      return { status: 201, result: { ...wireJob(id, view), events: [] } };
    },
  }),
  defineRoute({
    method: "PUT",
    path: `${PATH}/:schedule/owner`,
    tag: "Schedules",
    summary: "Give a schedule that is nobody's to an owner",
    query: NO_QUERY,
    body: putOwnerSchema,
    result: scheduleResult,
    errors: [...FOUND, "OWNED_BY_ANOTHER"],
    run: async (call) => ({ result: await owned(call, call.body.owner) }),
  }),
  defineRoute({
    method: "DELETE",
    path: `${PATH}/:schedule/owner`,
    tag: "Schedules",
    summary: "Make a schedule nobody's; the schedule stays",
    query: NO_QUERY,
    result: scheduleResult,
    errors: FOUND,
    run: async (call) => ({ result: await owned(call, null) }),
  }),
];

async function owned(call: Call<unknown, unknown>, owner: string | null) {
  const { id } = findApplication(call);
  const view: ScheduleView = await applicationStub(call.env, id).ownSchedule(key(call), owner);
  return wireSchedule(id, view);
}

/** `write` gets what is to be stored, once its times can be and its job could be started. */
async function admitted(
  call: Call<unknown, unknown>,
  name: string,
  body: PutSchedule,
  write: (given: NewSchedule) => Promise<ScheduleView>,
): Promise<ScheduleView> {
  const { id } = findApplication(call);
  const { configuration }: ApplicationView = await findView(call);
  const given = scheduleOf(name, call.seed, body, Date.now());
  const { launch } = given.spec.job;
  const override = overrideOf(call.seed, launch, configuration);
  return await admittedJob(call, id, { launch, override }, async (found) => {
    return await write({ ...given, spec: { ...given.spec, job: { ...given.spec.job, launch: found } } });
  });
}
