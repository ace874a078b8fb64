/**
 * The registry at `/v2/`: which method of which path is what, who may, and what is answered when it goes wrong. Every answer
 * is in the specification's form, errors too.
 */
import { protect } from "../../api/page-headers.ts";
import { describeError, GantryError } from "../../errors.ts";
import { registryStub } from "../../stubs.ts";
import type { Principal } from "../auth/access.ts";
import { matches } from "../auth/patterns.ts";
import { accountAsking, authorize, refuseLogin, type RegistryAction } from "../auth/authorize.ts";
import { recordDeniedPush } from "../auth/denied.ts";
import { API_VERSION, TOKEN_PATH } from "../auth/refusal.ts";
import { serveToken } from "../auth/token-endpoint.ts";
import { SegmentMissing } from "../blobs/read.ts";
import { isRepository, ownerOf } from "../oci/names.ts";
import { OciError } from "../oci/oci-error.ts";
import { mirroredName, refusalOfPush } from "../pull-through/sources.ts";
import { deleteBlob, getBlob } from "./blobs.ts";
import { jsonAnswer, type RegistryCall } from "./call.ts";
import { getCatalog, getReferrers, getTags } from "./lists.ts";
import { deleteManifest, getManifest, putManifest } from "./manifests.ts";
import { targetOf, type Target } from "./paths.ts";
import { cancelUpload, getUpload, patchUpload, putUpload, startUpload } from "./uploads.ts";

/** `GET` serves `HEAD` too. */
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Operation {
  readonly action: RegistryAction;
  readonly run: (call: RegistryCall) => Promise<Response>;
}

/** `known`: who asks, where that is certain without a login; whatever login comes along is not looked at. */
export async function serveRegistry(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  known: Principal | null = null,
): Promise<Response> {
  const requestId = crypto.randomUUID();
  let response: Response;
  try {
    response = await answer(request, env, ctx, known);
  } catch (error) {
    response = errorAnswer(error, requestId, request);
  }
  const { headers } = response;
  for (const [name, value] of Object.entries(API_VERSION)) headers.set(name, value);
  headers.set("x-request-id", requestId);
  protect(headers);
  return response;
}

async function answer(request: Request, env: Env, ctx: ExecutionContext, known: Principal | null): Promise<Response> {
  const url = new URL(request.url);
  if (url.pathname === TOKEN_PATH && known === null) return await serveToken(request, env, ctx);
  const target = targetOf(url.pathname);
  if (target === null) {
    throw new OciError("UNSUPPORTED", `nothing is at ${url.pathname.slice(0, 200)}`, { status: 404 });
  }
  if (target.kind === "base") {
    requireMethod(request, ["GET"]);
    return (known === null ? await refuseLogin(request, env) : null) ?? jsonAnswer({});
  }
  const operations = operationsOf(target);
  const { action, run } = operationOf(request, operations);
  const ns = url.searchParams.get("ns");
  const account = async () => known?.accountId ?? (await accountAsking(request, env));
  const name = "name" in target ? await mirroredName(env, target.name, ns, account) : null;
  if (name !== null && !isRepository(ownerOf(name).repository)) {
    const rule = "lower-case letters, digits, and ., _, - or / between them, at most 255";
    throw new OciError("NAME_INVALID", `${name.slice(0, 300)} is no repository: ${rule}`);
  }
  const allowed = await authorize(request, env, ctx, { name, action }, known);
  if (!allowed.allowed) return allowed.response;
  const { accountId, repository, access } = allowed;
  const refusal = action === "push" ? await refusalOfPush(env, accountId, repository) : null;
  if (refusal !== null) {
    const caller = { actor: access.actor, tokenId: null, accountId, isEverywhere: false };
    recordDeniedPush(request, env, ctx, { accountId, repository }, caller);
    throw refusal;
  }
  const index = registryStub(env, accountId);
  const work = run({ request, url, env, ctx, name: name ?? "", accountId, repository, access, index });
  // A client that goes away ends the request: what came whole is still to be committed, or cleared away.
  if (request.method !== "GET" && request.method !== "HEAD") ctx.waitUntil(work.catch(() => undefined));
  return await work;
}

function operationsOf(target: Exclude<Target, { kind: "base" }>): Partial<Record<Method, Operation>> {
  switch (target.kind) {
    case "catalog":
      return { GET: { action: "list", run: getCatalog } };
    case "garbage":
      return { PUT: { action: "push", run: collectGarbage } };
    case "tags":
      return { GET: { action: "list", run: getTags } };
    case "referrers":
      return { GET: { action: "pull", run: async (call) => await getReferrers(call, target.digest) } };
    case "manifest":
      return {
        GET: { action: "pull", run: async (call) => await getManifest(call, target.reference) },
        PUT: { action: "push", run: async (call) => await putManifest(call, target.reference) },
        DELETE: { action: "delete", run: async (call) => await deleteManifest(call, target.reference) },
      };
    case "blob":
      return {
        GET: { action: "pull", run: async (call) => await getBlob(call, target.digest) },
        DELETE: { action: "delete", run: async (call) => await deleteBlob(call, target.digest) },
      };
    case "uploads":
      return { POST: { action: "push", run: startUpload } };
    case "upload":
      return {
        GET: { action: "push", run: async (call) => await getUpload(call, target.id) },
        PATCH: { action: "push", run: async (call) => await patchUpload(call, target.id) },
        PUT: { action: "push", run: async (call) => await putUpload(call, target.id) },
        DELETE: { action: "push", run: async (call) => await cancelUpload(call, target.id) },
      };
  }
}

function operationOf(request: Request, operations: Partial<Record<Method, Operation>>): Operation {
  const methods = Object.keys(operations) as Method[];
  const operation = operations[requireMethod(request, methods)];
  if (operation === undefined) throw new Error("a method that is allowed does nothing");
  return operation;
}

function requireMethod(request: Request, methods: readonly Method[]): Method {
  const asked = request.method === "HEAD" ? "GET" : request.method;
  const method = methods.find((candidate) => candidate === asked);
  if (method !== undefined) return method;
  const allow = methods.flatMap((allowed) => (allowed === "GET" ? ["GET", "HEAD"] : [allowed])).join(", ");
  throw new OciError("UNSUPPORTED", `${request.method} is not allowed here; allowed: ${allow}`, { headers: { allow } });
}

/** Of all repositories; whoever may not list some of them gets no name of those. */
async function collectGarbage({ index, access }: RegistryCall): Promise<Response> {
  const report = await index.collectGarbage({ isDryRun: false });
  const examples = report.examples.filter((name) => matches(access.listable, name.slice(0, name.indexOf("@"))));
  return jsonAnswer({ ...report, examples });
}

function errorAnswer(error: unknown, requestId: string, request: Request): Response {
  if (error instanceof OciError) {
    const { problems, status, headers } = error;
    return jsonAnswer({ errors: problems }, headers, status);
  }
  // Accounts are remembered by each isolate: its images know first that it is deleted.
  if (GantryError.is(error) && error.code === "ACCOUNT_NOT_FOUND") {
    return jsonAnswer({ errors: [{ code: "NAME_UNKNOWN", message: error.message, detail: null }] }, {}, 404);
  }
  const isPassing = typeof error === "object" && error !== null && "retryable" in error && error.retryable === true;
  const reason = describeError(error, 500);
  console.error({ message: "registry.failed", requestId, method: request.method, reason });
  const isLost = error instanceof SegmentMissing;
  const message = isLost
    ? "the bytes of this blob are not where they were stored"
    : `the registry failed; its log has more about request ${requestId}`;
  const problem = { code: isPassing ? "TOOMANYREQUESTS" : "UNKNOWN", message, detail: { requestId } };
  return jsonAnswer({ errors: [problem] }, isPassing ? { "retry-after": "1" } : {}, isPassing ? 503 : 500);
}
