/**
 * Jobs: work that is to be done once. A job never changes but in whether it waits; one that is there, over or not, is not
 * done again. Nobody owns one: it is history, as a rollout is.
 */
import { createHash } from "node:crypto";
import { inBatches } from "../../../src/batches.ts";
import { isCode, type Api } from "../../api.ts";
import { changesBetween, SAME, type Change, type Driver, type Live, type Write } from "../driver.ts";
import { partsOfName, textOf, type Json, type JsonObject } from "../resource.ts";
import { schemaOf } from "../schemas.ts";
import { spelledAlike } from "./job-template.ts";

/** So often in a day, at most, the same job is made after one that was deleted, each by one of several applies only. */
const MOST_MADE = 20;

export const jobs: Driver = {
  list: async (api, declared) => {
    const found = await inBatches(
      declared.filter(({ kind }) => kind === "job"),
      async ({ name }) => await newestOf(api, name),
    );
    return found.filter((one) => one !== null);
  },

  compare: ({ body, live }) => {
    if (live === null) return Promise.resolve({ ...SAME, changes: saidIn(body) });
    const changes = changesOf(live.shown, body);
    if (changes.length > 0) {
      const fields = changes.map(({ field }) => field).join(", ");
      const replace = `${fields}: other than declared, and a job never changes (another name makes one more)`;
      return Promise.resolve({ ...SAME, changes, replace });
    }
    const isOver = live.shown["finished_at"] !== null || live.shown["terminate"] === true;
    const [from, to] = [live.shown["suspend"] ?? false, body["suspend"] ?? false];
    return Promise.resolve({ ...SAME, changes: isOver || from === to ? [] : [{ field: "suspend", from, to }] });
  },

  create,

  update: async ({ api, live, body, key }) => {
    const { suspend } = body;
    const params = { id: partsOfName(live.name).application, job: live.id };
    const sent = { params, body: { suspend: suspend === true }, idempotencyKey: key };
    try {
      const { result } = await api.send("PATCH /applications/{id}/jobs/{job}", sent);
      return liveOf(live.name, result as unknown as JsonObject);
    } catch (error) {
      // It has ended meanwhile: it waits for nobody.
      if (isCode(error, "JOB_FINISHED")) return live;
      throw error;
    }
  },

  /** One that runs is cancelled by it. */
  remove: async (api, live, key) => {
    const params = { id: partsOfName(live.name).application, job: live.id };
    await api.send("DELETE /applications/{id}/jobs/{job}", { params, idempotencyKey: key });
  },
};

/**
 * Names of jobs are not unique: that several applies, and one that was killed and run again, make one job, is because all
 * send the same keys.
 */
async function create({ api, name, body, key }: Write): Promise<Live> {
  const { application: id, name: own } = partsOfName(name);
  const { application: _, ...spec } = body;
  const send = async (idempotencyKey: string) => {
    const sent = { params: { id }, body: { name: own, ...spec }, idempotencyKey };
    return await api.send("POST /applications/{id}/jobs", sent);
  };
  const digest = createHash("sha256")
    .update(canonical({ name, ...spec }))
    .digest("hex");
  for (let made = 0; made < MOST_MADE; made += 1) {
    const { result, replayed } = await send(`gantry-job-${digest.slice(0, 32)}-${made}`);
    // What was made with this key earlier may have been deleted since.
    if (!replayed) return liveOf(name, result as unknown as JsonObject);
    const now = await jobOf(api, id, result.id);
    if (now !== null && now["terminate"] !== true) return liveOf(name, now);
  }
  const { result } = await send(key);
  return liveOf(name, result as unknown as JsonObject);
}

async function newestOf(api: Api, name: string): Promise<Live | null> {
  const { application, name: own } = partsOfName(name);
  const found = await jobOf(api, application, own);
  return found === null ? null : liveOf(name, found);
}

async function jobOf(api: Api, id: string, job: string): Promise<JsonObject | null> {
  try {
    const { result } = await api.send("GET /applications/{id}/jobs/{job}", { params: { id, job } });
    return result as unknown as JsonObject;
  } catch (error) {
    if (isCode(error, "APPLICATION_NOT_FOUND", "JOB_NOT_FOUND")) return null;
    throw error;
  }
}

function liveOf(name: string, shown: JsonObject): Live {
  return { kind: "job", name, id: textOf(shown["id"]), etag: null, shown };
}

/** What is not as it is without a word. */
function saidIn(body: JsonObject): Change[] {
  const usual = new Map(Object.entries(fieldsOf(schemaOf("job").parse({ application: "any" }) as JsonObject)));
  return changesBetween(usual, new Map(Object.entries(fieldsOf(body)))).map((change) => ({ ...change, from: null }));
}

function changesOf(shown: JsonObject, body: JsonObject): Change[] {
  const { shell, ...wanted } = fieldsOf(body);
  const { shell: has = null, ...given } = asGiven(shown);
  // Its image may have been found to have no shell.
  const shells = shell === false && has !== false ? [{ field: "shell", from: has, to: false }] : [];
  return [...changesBetween(new Map(Object.entries(given)), new Map(Object.entries(wanted))), ...shells];
}

/** But for what never counts as another job. */
function fieldsOf(body: JsonObject): JsonObject {
  const { application: _, suspend: _suspend, secrets: _secrets, ...template } = spelledAlike(body);
  return withDefaults(template);
}

function withDefaults(template: JsonObject): JsonObject {
  const { retries, retries_per_index: perIndex, entrypoint, command } = template;
  return {
    ...template,
    retries: retries ?? (perIndex === undefined ? 0 : null),
    environment_variables: template["environment_variables"] ?? [],
    ...(entrypoint === undefined ? {} : { command: command ?? [] }),
  };
}

const GIVEN = [
  "completions",
  "parallelism",
  "retries",
  "retries_per_index",
  "max_failed_indexes",
  "loss_retries",
  "backoff",
  "max_backoff",
  "timeout",
  "deadline",
  "ttl",
  "failure_policy",
  "success_policy",
  "fairness_key",
  "environment_variables",
  "payload",
  "shell",
];

/** Without what it has of its application. */
function asGiven(shown: JsonObject): JsonObject {
  const overrides = (shown["overrides"] ?? []) as readonly string[];
  const own = overrides.includes("entrypoint") ? ["command"] : [];
  const fields = [...GIVEN, ...overrides, ...own];
  return Object.fromEntries(fields.map((field): [string, Json] => [field, shown[field] ?? null]));
}

function canonical(value: Json): string {
  return JSON.stringify(value, (_, item: Json) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
