/**
 * Answers of the recorded Cloudflare API: the calls that deploy makes itself and those that wrangler makes for it. What
 * is created is remembered. The fixtures are written by hand after Cloudflare's API and what wrangler reads of it, not
 * captured from an account: no account was at hand. Error texts and codes may differ in detail.
 */
import * as z from "zod";
import errors from "./fixtures/errors.json" with { type: "json" };
import worker from "./fixtures/worker.json" with { type: "json" };

export type ErrorName = keyof typeof errors;

const script = z.object({
  migration_tag: z.string().optional(),
  containers: z.array(z.unknown()).optional(),
  secrets: z.array(z.object({ name: z.string(), type: z.string() })),
});

/** The state of an account, as in fixtures/accounts. */
export const recordedAccount = z.object({
  buckets: z.array(z.looseObject({ name: z.string(), jurisdiction: z.string().optional() })),
  namespaces: z.array(z.looseObject({ id: z.string(), title: z.string() })),
  queues: z.array(z.looseObject({ queue_id: z.string(), queue_name: z.string(), consumers: z.array(z.unknown()) })),
  scripts: z.record(z.string(), script),
  applications: z.array(z.looseObject({ id: z.string(), name: z.string() })),
});

export type RecordedAccount = z.infer<typeof recordedAccount>;
type Script = z.infer<typeof script>;

export interface RecordedRequest {
  readonly method: string;
  /** Below /accounts/{account_id}, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON, or the parsed `metadata` part of a Worker's upload. */
  readonly body: unknown;
}

export type Answer =
  | { readonly error: ErrorName }
  | { readonly result: unknown }
  | { readonly list: readonly unknown[]; readonly pageBy: "number" | "token" };

type Route = (account: RecordedAccount, request: RecordedRequest, name: string) => Answer;

const ROUTES: readonly [method: string, path: RegExp, route: Route][] = [
  ["GET", /^\/r2\/buckets\/([^/]+)$/, getBucket],
  ["POST", /^\/r2\/buckets$/, createBucket],
  ["GET", /^\/storage\/kv\/namespaces$/, ({ namespaces }) => ({ list: namespaces, pageBy: "number" })],
  ["POST", /^\/storage\/kv\/namespaces$/, createNamespace],
  ["GET", /^\/queues$/, listQueues],
  ["POST", /^\/queues$/, createQueue],
  ["POST", /^\/queues\/([^/]+)\/consumers$/, addConsumer],
  ["GET", /^\/containers\/dash\/applications$/, ({ applications }) => ({ list: applications, pageBy: "token" })],
  ["POST", /^\/containers\/image-preparations$/, () => ({ result: worker.imagePreparation })],
  ["GET", /^\/containers\/applications\/([^/]+)$/, getApplication],
  ["POST", /^\/containers\/applications$/, createApplication],
  ["GET", /^\/workers\/scripts\/([^/]+)\/secrets$/, ofScript(({ secrets }) => secrets)],
  ["GET", /^\/workers\/scripts\/([^/]+)\/settings$/, ofScript(() => ({ bindings: [] }))],
  ["GET", /^\/workers\/scripts\/([^/]+)\/deployments$/, ofScript(() => ({ deployments: [worker.deployment] }))],
  ["GET", /^\/workers\/scripts\/([^/]+)\/versions\/[^/]+$/, ofScript(versionOf)],
  ["PUT", /^\/workers\/scripts\/([^/]+)$/, uploadScript],
  ["GET", /^\/workers\/services\/([^/]+)$/, ofScript(serviceOf)],
  ["GET", /^\/workers\/subdomain$/, () => ({ result: worker.accountSubdomain })],
  ["GET", /^\/workers\/workers\/([^/]+)$/, ofScript(() => ({ subdomain: worker.scriptSubdomain }))],
  ["POST", /^\/workers\/scripts\/([^/]+)\/subdomain$/, () => ({ result: worker.scriptSubdomain })],
];

export function answerRequest(account: RecordedAccount, request: RecordedRequest): Answer {
  for (const [method, path, route] of ROUTES) {
    const match = method === request.method ? path.exec(request.path) : null;
    if (match !== null) return route(account, request, match[1] ?? "");
  }
  return { error: "no route" };
}

function getBucket(account: RecordedAccount, request: RecordedRequest, name: string): Answer {
  const found = account.buckets.find((each) => each.name === name && each.jurisdiction === jurisdictionOf(request));
  return found === undefined ? { error: "bucket not found" } : { result: found };
}

function createBucket(account: RecordedAccount, request: RecordedRequest): Answer {
  const name = field(request, "name");
  const jurisdiction = jurisdictionOf(request);
  if ("result" in getBucket(account, request, name)) return { error: "bucket exists" };
  const bucket = { name, creation_date: "2026-11-21T08:00:00.000Z", ...(jurisdiction && { jurisdiction }) };
  account.buckets.push(bucket);
  return { result: bucket };
}

function createNamespace(account: RecordedAccount, request: RecordedRequest): Answer {
  const title = field(request, "title");
  if (account.namespaces.some((each) => each.title === title)) return { error: "namespace exists" };
  const namespace = { id: madeUpId("kv", account.namespaces.length), title, supports_url_encoding: true };
  account.namespaces.push(namespace);
  return { result: namespace };
}

function listQueues(account: RecordedAccount, { query }: RecordedRequest): Answer {
  const names = query.getAll("name");
  const list = account.queues.filter(({ queue_name }) => names.length === 0 || names.includes(queue_name));
  return { list, pageBy: "number" };
}

function createQueue(account: RecordedAccount, request: RecordedRequest): Answer {
  const name = field(request, "queue_name");
  if (account.queues.some(({ queue_name }) => queue_name === name)) return { error: "queue exists" };
  const queue = { queue_id: madeUpId("queue", account.queues.length), queue_name: name, producers: [], consumers: [] };
  account.queues.push(queue);
  return { result: queue };
}

function addConsumer(account: RecordedAccount, request: RecordedRequest, id: string): Answer {
  account.queues.find(({ queue_id }) => queue_id === id)?.consumers.push(request.body);
  return { result: request.body };
}

const uploadSchema = z.looseObject({
  bindings: z.array(z.looseObject({ name: z.string(), type: z.string() })).default([]),
  migrations: z.looseObject({ new_tag: z.string() }).optional(),
  containers: z.array(z.unknown()).optional(),
});

function getApplication({ applications }: RecordedAccount, _request: RecordedRequest, id: string): Answer {
  const found = applications.find((each) => each.id === id);
  return found === undefined ? { error: "application not found" } : { result: found };
}

/** The id of an application that a Durable Object manages is the id of its namespace. */
function createApplication(account: RecordedAccount, { body }: RecordedRequest): Answer {
  const { durable_objects, ...rest } = applicationSchema.parse(body);
  const application = { id: durable_objects.namespace_id, durable_objects, ...rest };
  account.applications.push(application);
  return { result: application };
}

const applicationSchema = z.looseObject({
  name: z.string(),
  durable_objects: z.looseObject({ namespace_id: z.string() }),
});

function uploadScript(account: RecordedAccount, request: RecordedRequest, name: string): Answer {
  const { bindings, migrations, containers } = uploadSchema.parse(request.body);
  const before = account.scripts[name];
  const added = bindings
    .filter(({ type }) => type === "secret_text")
    .map(({ name: secret, type }) => ({ name: secret, type }));
  const kept = (before?.secrets ?? []).filter((old) => !added.some((each) => each.name === old.name));
  const tag = migrations?.new_tag ?? before?.migration_tag;
  account.scripts[name] = {
    secrets: [...kept, ...added],
    ...(tag === undefined ? {} : { migration_tag: tag }),
    ...(containers === undefined ? {} : { containers }),
  };
  return { result: { ...worker.upload, id: name } };
}

function serviceOf({ migration_tag }: Script, name: string): unknown {
  const deployed = { id: name, tag: "c5d6e7f8", tags: [], last_deployed_from: "wrangler", migration_tag };
  return { id: name, default_environment: { environment: "production", script: deployed } };
}

function versionOf({ containers }: Script): unknown {
  const runtime = containers === undefined ? {} : { containers };
  const resources = { bindings: [worker.objectBinding], script_runtime: runtime };
  return { id: worker.deployment.versions[0]?.version_id, resources };
}

function ofScript(read: (script: Script, name: string) => unknown): Route {
  return ({ scripts }, _request, name) => {
    const found = scripts[name];
    return found === undefined ? { error: "worker not found" } : { result: read(found, name) };
  };
}

function jurisdictionOf({ headers }: RecordedRequest): string | undefined {
  const value = headers["cf-r2-jurisdiction"];
  return typeof value === "string" ? value : undefined;
}

function field({ body }: RecordedRequest, name: string): string {
  return z.record(z.string(), z.string()).parse(body)[name] ?? "";
}

function madeUpId(kind: string, count: number): string {
  return Buffer.from(`${kind}-${count}`.padEnd(16, ".")).toString("hex");
}
