/** Finds and creates each kind of resource. Creating what somebody else created meanwhile is success. */
import * as z from "zod";
import type { ExistingResource } from "../plan.ts";
import { type Resource, RESOURCE_KINDS } from "../resources.ts";
import { DeployError } from "../deploy-error.ts";
import { type Account, type Call, callCloudflare, CloudflareError } from "./api.ts";
import { listAll } from "./pages.ts";

const namespaceSchema = z.looseObject({ id: z.string(), title: z.string() });
const queueSchema = z.looseObject({ queue_id: z.string(), queue_name: z.string() });
const anything = z.looseObject({});

/** Which of the wanted resources exist. A kind that is not wanted is not asked for: the token may not be allowed to. */
export async function findResources(account: Account, wanted: readonly Resource[]): Promise<ExistingResource[]> {
  const found: ExistingResource[] = [];
  for (const bucket of wanted.filter(({ kind }) => kind === "bucket")) {
    if (await bucketExists(account, bucket)) found.push(named(bucket, bucket.name));
  }
  const namespaces = wanted.filter(({ kind }) => kind === "namespace");
  if (namespaces.length > 0) {
    const ids = new Map((await listNamespaces(account)).map(({ title, id }) => [title, id]));
    for (const resource of namespaces) {
      const id = ids.get(resource.name);
      if (id !== undefined) found.push(named(resource, id));
    }
  }
  const queues = wanted.filter(({ kind }) => kind === "queue");
  if (queues.length > 0) {
    const names = new Set((await listQueues(account)).map(({ queue_name }) => queue_name));
    found.push(...queues.filter(({ name }) => names.has(name)).map((queue) => named(queue, queue.name)));
  }
  return found;
}

/**
 * Whether a refused create means "already exists" is decided by looking again, not by its code: the codes differ by
 * product (10004, 10014, 11009) and are not promised anywhere.
 */
export async function createResource(account: Account, resource: Resource): Promise<ExistingResource> {
  try {
    return await create(account, resource);
  } catch (error) {
    if (!(error instanceof CloudflareError) || (error.status !== 400 && error.status !== 409)) throw error;
    const [existing] = await findResources(account, [resource]);
    if (existing === undefined) throw error;
    return existing;
  }
}

async function create(account: Account, resource: Resource): Promise<ExistingResource> {
  const { permission } = RESOURCE_KINDS[resource.kind];
  switch (resource.kind) {
    case "bucket": {
      const call = { method: "POST", path: "/r2/buckets", body: { name: resource.name }, permission } as const;
      await callBuckets(account, { ...call, headers: inJurisdiction(resource) });
      return named(resource, resource.name);
    }
    case "namespace": {
      const call = {
        method: "POST",
        path: "/storage/kv/namespaces",
        body: { title: resource.name },
        permission,
      } as const;
      const { result } = await callCloudflare(account, call, namespaceSchema);
      return named(resource, result.id);
    }
    case "queue": {
      const call = { method: "POST", path: "/queues", body: { queue_name: resource.name }, permission } as const;
      await callCloudflare(account, call, queueSchema);
      return named(resource, resource.name);
    }
    default:
      return assertNever(resource.kind);
  }
}

async function bucketExists(account: Account, bucket: Resource): Promise<boolean> {
  const path = `/r2/buckets/${encodeURIComponent(bucket.name)}`;
  const { permission } = RESOURCE_KINDS.bucket;
  try {
    await callBuckets(account, { method: "GET", path, headers: inJurisdiction(bucket), permission });
    return true;
  } catch (error) {
    if (error instanceof CloudflareError && error.status === 404 && error.code === BUCKET_NOT_FOUND) return false;
    throw error;
  }
}

const BUCKET_NOT_FOUND = 10_006;
const R2_NOT_ENABLED = 10_042;

/** R2 is switched on by hand, once in an account: its refusal of that is no matter of the token's permissions. */
async function callBuckets(account: Account, call: Call): Promise<void> {
  try {
    await callCloudflare(account, call, anything);
  } catch (error) {
    if (!(error instanceof CloudflareError) || error.code !== R2_NOT_ENABLED) throw error;
    const where = `https://dash.cloudflare.com/${account.accountId}/r2/overview`;
    throw new DeployError(
      `the account has no R2, where the image registry keeps its layers: enable it at ${where}, then run this again`,
      { cause: error },
    );
  }
}

function listNamespaces(account: Account) {
  const call = {
    method: "GET",
    path: "/storage/kv/namespaces",
    permission: RESOURCE_KINDS.namespace.permission,
  } as const;
  return listAll(account, call, namespaceSchema, "number");
}

function listQueues(account: Account) {
  const call = { method: "GET", path: "/queues", permission: RESOURCE_KINDS.queue.permission } as const;
  return listAll(account, call, queueSchema, "number");
}

function inJurisdiction({ jurisdiction }: Resource): Record<string, string> {
  return jurisdiction === undefined ? {} : { "cf-r2-jurisdiction": jurisdiction };
}

function named({ kind, name, jurisdiction }: Resource, id: string): ExistingResource {
  return { kind, name, id, ...(jurisdiction === undefined ? {} : { jurisdiction }) };
}

function assertNever(kind: never): never {
  throw new Error(`unknown kind of resource: ${String(kind)}`);
}
