/**
 * One request of the control API, from credential to answer: who is it, which account, may it (one call to the
 * account's object, which has then written the audit row), parse, run, keep the answer for a retry.
 */
import { INVALID_TOKEN, type Admission, type AdmissionRequest } from "../account/admission.ts";
import { IDEMPOTENCY_CONTEXT, SEALED_PREFIX } from "../account/idempotency.ts";
import { forgetRouting } from "../containers/routing-cache.ts";
import { ERRORS, GantryError, type ErrorCode } from "../errors.ts";
import { keyedDigest, masterKeys, open, seal } from "../sealing.ts";
import { accountStub } from "../stubs.ts";
import { ownerOf } from "./ownership.ts";
import { accountExists } from "./account-directory.ts";
import { parseJson, readText, validate } from "./body.ts";
import { complete, putCompletions, takeCompletions } from "./completions.ts";
import { credentialOf, type Credential } from "./credentials.ts";
import { renderError, renderSuccess, toResponse, type Form, type Rendered } from "./envelope.ts";
import { forgetCallers, readKey, recall, remember } from "./known-callers.ts";
import { queryOf } from "./query.ts";
import { isWrite, type Call, type Route } from "./route.ts";
import { giveBack, takeAnswered, type Trace } from "./trace.ts";

const MAX_KEY_LENGTH = 255;
const MAX_PATH_LENGTH = 500;

export interface Dispatch {
  readonly request: Request;
  readonly env: Env;
  readonly ctx: ExecutionContext;
  readonly requestId: string;
  readonly form: Form;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly credential: Credential;
  readonly trace: Trace;
}

/** Before anything is said of routes, methods or resources. A write without a credential is in the audit all the same. */
export async function requireCredential(
  context: Pick<Dispatch, "request" | "env" | "ctx" | "requestId" | "params">,
): Promise<Credential> {
  const { request, env, ctx, params } = context;
  const credential = credentialOf(request, env);
  if (credential !== null) return credential;
  if (isWrite(request.method)) ctx.waitUntil(recordAnonymous(context, params["account_id"] ?? env.GANTRY_ACCOUNT_ID));
  const message = "Authentication error: send Authorization: Bearer <token> with a valid token";
  throw new GantryError("UNAUTHORIZED", message);
}

async function recordAnonymous(
  { request, env, requestId }: Pick<Dispatch, "request" | "env" | "requestId">,
  accountId: string,
): Promise<void> {
  if (!(await accountExists(env, accountId))) return;
  await accountStub(env, accountId).recordAnonymous({
    requestId,
    actor: "anonymous",
    tokenId: null,
    method: request.method,
    path: new URL(request.url).pathname.slice(0, MAX_PATH_LENGTH),
    address: request.headers.get("cf-connecting-ip"),
    idempotencyKey: null,
  });
}

export async function dispatch(route: Route, context: Dispatch): Promise<Response> {
  const { request, env, params, credential } = context;
  const { account_id: inPath, ...rest } = decoded(params);
  const accountId = await resolveAccount(env, credential, inPath);
  const text = route.body === null ? "" : await readText(request);
  const key = idempotencyKey(request);
  const account = accountStub(env, accountId);
  const url = new URL(request.url);
  const application = route.path.includes("/applications/:id") ? (rest["id"] ?? "").slice(0, 100) : null;
  const admission: Admission = await admit(account, accountId, {
    requestId: context.requestId,
    credential,
    scope: route.scope,
    method: request.method,
    path: url.pathname.slice(0, MAX_PATH_LENGTH),
    isWrite: isWrite(request.method) || route.isAudited,
    application,
    idempotency: key === null ? null : { key, fingerprint: await fingerprintOf(env, request.method, url, text) },
    address: request.headers.get("cf-connecting-ip"),
    owner: ownerOf(request, route),
  });
  // A token that is not valid has no say in what is counted.
  if (admission.outcome !== "denied" || admission.code !== "UNAUTHORIZED") context.trace.accountId = accountId;
  if (admission.outcome === "admitted") context.trace.actor = admission.actor.name;
  if (admission.outcome === "denied") throw new GantryError(admission.code, admission.message, admission.details);
  if (admission.outcome === "answered") return await replay(env, admission.answer);

  const call = { ...context, accountId, admission, params: rest, text, url };
  if (!isWrite(request.method) && !route.isAudited) return await respond(route, call);
  return await runWrite(route, call, key);
}

async function admit(
  account: ReturnType<typeof accountStub>,
  accountId: string,
  request: Omit<AdmissionRequest, "answered" | "completions">,
): Promise<Admission> {
  const key = request.isWrite ? null : readKey(accountId, request.credential, request.scope, request.application);
  const recalled = key === null ? null : recall(key, Date.now());
  if (recalled !== null) return recalled;
  if (request.isWrite) forgetCallers();
  const answered = takeAnswered(accountId);
  const completions = takeCompletions(accountId);
  let admission: Admission;
  try {
    admission = await account.admit({ ...request, answered, completions });
  } catch (error) {
    giveBack(accountId, answered);
    putCompletions(accountId, completions);
    throw error;
  }
  if (key !== null && admission.outcome === "admitted") remember(key, admission, Date.now());
  return admission;
}

interface Admitted extends Omit<Dispatch, "params"> {
  readonly accountId: string;
  readonly admission: Extract<Admission, { outcome: "admitted" }>;
  readonly params: Readonly<Record<string, string>>;
  readonly text: string;
  readonly url: URL;
}

/** Runs a write, and says in the audit, and to later tries with its key, what came of it. */
async function runWrite(route: Route, call: Admitted, key: string | null): Promise<Response> {
  const { env, ctx, admission, requestId, accountId, form } = call;
  let rendered: Rendered;
  let code: ErrorCode | null = null;
  try {
    const outcome = await run(route, call);
    if (outcome instanceof Response) {
      const { status } = outcome;
      const done = { auditId: admission.auditId, status, code: null, idempotency: null, answer: null };
      ctx.waitUntil(complete(env, accountId, done));
      return outcome;
    }
    rendered = outcome;
  } catch (error) {
    rendered = renderError(error, form, requestId);
    code = GantryError.is(error) ? error.code : "INTERNAL";
  }
  const next = nextTry(rendered.status, code);
  const { auditId, actor, seed, isRetry } = admission;
  // What an earlier try began is still to be found by a later one.
  const isReleased = next === "anew" && !isRetry;
  const idempotency = key === null ? null : { tokenId: actor.tokenId, key, seed, isReleased };
  const answer = key !== null && next === "answered" ? await kept(env, rendered, route.sensitive) : null;
  const completion = { auditId, status: rendered.status, code, idempotency, answer };
  // Once more: what was read while the write was under way may be older than it.
  forgetCallers();
  // A change of ingress is to hold for the next request.
  if (admission.application !== null) forgetRouting(admission.application.name);
  // Only a promise about retries must be kept before the answer goes out.
  if (idempotency === null) ctx.waitUntil(complete(env, accountId, completion));
  else await accountStub(env, accountId).finish([completion]);
  return toResponse(rendered);
}

const NOT_KEPT: ReadonlySet<number> = new Set([400, 408, 412, 429]);

/**
 * What the next try with the same key does. After a failure nobody knows how far this one came: the next one goes on
 * with the same ids. What was refused and may go better next time is no answer to keep.
 */
function nextTry(status: number, code: ErrorCode | null): "answered" | "anew" | "continued" {
  if (status >= 500) return "continued";
  return NOT_KEPT.has(status) || (code !== null && ERRORS[code].retryable) ? "anew" : "answered";
}

async function respond(route: Route, call: Admitted): Promise<Response> {
  const outcome = await run(route, call);
  // An ETag names what was asked for, and says nothing of the state that is shown beside it: no 304 follows from it.
  return outcome instanceof Response ? outcome : toResponse(outcome);
}

async function run(route: Route, call: Admitted): Promise<Rendered | Response> {
  const { admission, request, form, url, env, ctx, requestId, accountId, params } = call;
  const query = validate(route.query, queryOf(url, route.query));
  const schema = form === "bare" ? (route.legacyBody ?? route.body) : route.body;
  const isAbsent = schema === null || (route.isBodyOptional && call.text.trim() === "");
  const body = isAbsent ? null : validate(schema, parseJson(call.text, request));
  const input: Call<unknown, unknown> = {
    env,
    ctx,
    request,
    requestId,
    accountId,
    params,
    query,
    body,
    actor: admission.actor,
    auditId: admission.auditId,
    application: admission.application,
    seed: admission.seed,
    isRetry: admission.isRetry,
    ifMatch: request.headers.get("if-match"),
    lease: request.headers.get("gantry-lease-nonce"),
  };
  const answer = await route.run(input);
  return answer instanceof Response ? answer : renderSuccess(answer, form);
}

/** The path's account, or the token's. The same answer for one that exists elsewhere and one that does not. */
async function resolveAccount(env: Env, credential: Credential, inPath: string | undefined): Promise<string> {
  const own = credential.kind === "token" ? credential.accountId : env.GANTRY_ACCOUNT_ID;
  const accountId = inPath ?? own;
  const isReachable = credential.kind === "operator" || accountId === own;
  if (isReachable && (await accountExists(env, accountId))) return accountId;
  // A token of an account that is not there is as good as any other that nobody made.
  if (isReachable && credential.kind === "token") throw new GantryError("UNAUTHORIZED", INVALID_TOKEN);
  throw new GantryError("ACCOUNT_NOT_FOUND", "Unknown account");
}

function idempotencyKey(request: Request): string | null {
  const key = request.headers.get("idempotency-key");
  if (key === null || !isWrite(request.method)) return null;
  if (key.length > 0 && key.length <= MAX_KEY_LENGTH) return key;
  const reason = `must be 1 to ${MAX_KEY_LENGTH} characters`;
  throw new GantryError("VALIDATE_INPUT", `Idempotency-Key ${reason}`, { "Idempotency-Key": reason });
}

/** Keyed, since a body may hold a secret that could be guessed from a plain digest of it. */
async function fingerprintOf(env: Env, method: string, { pathname, search }: URL, text: string): Promise<string> {
  return await keyedDigest(masterKeys(env).at(-1) ?? "", [method, pathname, search, text].join("\n"));
}

async function kept(env: Env, rendered: Rendered, isSensitive: boolean): Promise<string> {
  const text = JSON.stringify(rendered);
  return isSensitive ? `${SEALED_PREFIX}${await seal(masterKeys(env), text, IDEMPOTENCY_CONTEXT)}` : text;
}

async function replay(env: Env, answer: string): Promise<Response> {
  const text = answer.startsWith(SEALED_PREFIX)
    ? await open(masterKeys(env), answer.slice(SEALED_PREFIX.length), IDEMPOTENCY_CONTEXT)
    : answer;
  // Written by `kept` only.
  const rendered = JSON.parse(text) as Rendered;
  return toResponse({ ...rendered, headers: { ...rendered.headers, "idempotency-replayed": "true" } });
}

/** Decoded, so that `localhost%3A5000` is `localhost:5000`; what is no encoding stays as it is, and is not found. */
function decoded(params: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const values = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, decode(value)]],
  );
  return Object.fromEntries(values) as Record<string, string>;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
