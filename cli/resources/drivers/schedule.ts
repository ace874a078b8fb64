/** Schedules of applications. Whose one is, it says itself. */
import { inBatches } from "../../../src/batches.ts";
import { canonicalZone } from "../../../src/jobs/cron/time-zone.ts";
import { putScheduleSchema } from "../../../src/api/schemas/schedule.ts";
import { isCode, type Api } from "../../api.ts";
import { changesBetween, flatten, isEqual, SAME, type Change, type Driver, type Live } from "../driver.ts";
import { applicationNamed, isObject, partName, partsOfName, textOf, type JsonObject } from "../resource.ts";
import { secondsOf, spelledAlike } from "./job-template.ts";

const INNER = ["misfire", "history", "job"];
const FIELDS = Object.keys(putScheduleSchema.shape);
/** Of `misfire: { policy: all }`. */
const DEFAULT_CATCH_UP = 10;

export const schedules: Driver = {
  /** An application that runs no jobs has none that do anything; what is declared of it is refused. */
  list: async (api, declared) => {
    const named = new Set(declared.map(({ spec }) => applicationNamed(spec)));
    const applications = (await api.list("GET /applications")).filter(({ name, ...one }) => {
      return ("jobs" in one && one.jobs) || named.has(name);
    });
    const lists = await inBatches(applications, async ({ id, name }) => {
      const found = await listOf(api, id);
      return found.map((one) => liveOf(name, one, null));
    });
    return lists.flat();
  },

  compare: async ({ api, body, live }) => {
    if (live === null) return { ...SAME, changes: saidIn(body) };
    if (changesOf(live.shown, body).length === 0) return SAME;
    // As it is now, with the ETag that the changes hold for.
    const now = await readNow(api, live);
    return { ...SAME, changes: changesOf((now ?? live).shown, body), etag: now?.etag ?? null };
  },

  create: async ({ api, name, body, key, owner }) => {
    const { application, name: own } = partsOfName(name);
    const { application: _, ...spec } = body;
    const sent = { params: { id: application }, body: { name: own, ...spec }, idempotencyKey: key };
    const { result, etag } = await api.send(
      "POST /applications/{id}/schedules",
      owner === null ? sent : { ...sent, owner },
    );
    return liveOf(application, result as JsonObject, etag);
  },

  update: async ({ api, live, body, key, comparison }) => {
    const { application: _, ...spec } = body;
    const sent = { params: paramsOf(live), body: spec, idempotencyKey: key };
    // A PUT would make it anew, and nobody's, if it were gone by now: with an ETag it does not.
    const ifMatch = comparison.etag ?? (await api.send(GET, { params: paramsOf(live) })).etag ?? "*";
    const { result, etag } = await api.send("PUT /applications/{id}/schedules/{schedule}", { ...sent, ifMatch });
    return liveOf(partsOfName(live.name).application, result as JsonObject, etag);
  },

  remove: async (api, live, key) => {
    const sent = { params: paramsOf(live), idempotencyKey: key };
    await api.send("DELETE /applications/{id}/schedules/{schedule}", sent);
  },
};

const GET = "GET /applications/{id}/schedules/{schedule}";

/** None, if the application has gone meanwhile. */
async function listOf(api: Api, id: string): Promise<JsonObject[]> {
  try {
    return (await api.list("GET /applications/{id}/schedules", { params: { id } })) as JsonObject[];
  } catch (error) {
    if (isCode(error, "APPLICATION_NOT_FOUND")) return [];
    throw error;
  }
}

async function readNow(api: Api, live: Live): Promise<Live | null> {
  try {
    const { result, etag } = await api.send(GET, { params: paramsOf(live) });
    return liveOf(partsOfName(live.name).application, result as JsonObject, etag);
  } catch (error) {
    if (isCode(error, "APPLICATION_NOT_FOUND", "SCHEDULE_NOT_FOUND")) return null;
    throw error;
  }
}

function paramsOf({ name }: Live): { readonly id: string; readonly schedule: string } {
  const { application: id, name: schedule } = partsOfName(name);
  return { id, schedule };
}

function liveOf(application: string, shown: JsonObject, etag: string | null): Live {
  const { owner } = shown;
  const name = partName(application, textOf(shown["name"]));
  const whose = typeof owner === "string" ? owner : null;
  return { kind: "schedule", name, id: textOf(shown["id"]), etag, shown, owner: whose };
}

/** What is not as it is without a word. */
function saidIn(body: JsonObject): Change[] {
  const { cron: _, ...usual } = usualFields();
  const changes = changesBetween(flatten(usual, INNER), flatten(fieldsOf(body), INNER));
  return changes.map((change) => ({ ...change, from: null }));
}

function changesOf(shown: JsonObject, body: JsonObject): Change[] {
  return changesBetween(flatten(fieldsOf(shown), INNER), flatten(fieldsOf(body), INNER));
}

/** Where nothing is said. */
function usualFields(): JsonObject {
  return fieldsOf(putScheduleSchema.parse({ cron: "@daily", job: {} }) as JsonObject);
}

/** Of a body and of an answer alike, in one spelling. */
function fieldsOf(from: JsonObject): JsonObject {
  const { cron, time_zone: zone, misfire, starting_deadline: deadline, jitter, job, ...rest } = only(from);
  const { policy, limit } = misfire as JsonObject;
  return {
    cron: textOf(cron).trim(),
    time_zone: canonicalZone(textOf(zone)) ?? zone ?? null,
    misfire: { ...(misfire as JsonObject), ...(policy === "all" ? { limit: limit ?? DEFAULT_CATCH_UP } : {}) },
    ...(deadline == null ? {} : { starting_deadline: secondsOf(deadline) }),
    jitter: secondsOf(jitter),
    ...rest,
    job: spelledAlike(wholeJob(job as JsonObject)),
  };
}

function only(from: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(from).filter(([key, value]) => FIELDS.includes(key) && value !== undefined));
}

/** With the defaults of this release, where it was written under another one. */
function wholeJob(job: JsonObject): JsonObject {
  const parsed = putScheduleSchema.shape.job.safeParse(job);
  return parsed.success ? (parsed.data as JsonObject) : job;
}

/** What a manifest has to say so that the schedule stays as it is. */
export function exportedSchedule(name: string, shown: JsonObject): JsonObject {
  const usual = usualFields();
  const { cron, job, ...rest } = fieldsOf(shown);
  return {
    application: partsOfName(name).application,
    cron: cron ?? null,
    ...beyond(rest, usual),
    job: beyond(job as JsonObject, usual["job"] as JsonObject),
  };
}

function beyond(fields: JsonObject, usual: JsonObject): JsonObject {
  const entries = Object.entries(fields).filter(([key, value]) => !isEqual(value, usual[key] ?? null));
  return Object.fromEntries(entries.filter(([, value]) => !isObject(value) || Object.keys(value).length > 0));
}
