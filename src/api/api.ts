/**
 * The control API: finds the route, lets `dispatch` run it, and puts the request's id on whatever comes out. The same
 * handlers answer under the account's path, under `/client/v4/containers`, which means the token's account, and, without
 * the envelope, under the legacy `cloudchamber`.
 */
import { Router } from "itty-router";
import { GantryError } from "../errors.ts";
import { dispatch, requireCredential, type Dispatch } from "./dispatch.ts";
import { protect } from "./page-headers.ts";
import { renderError, toResponse, type Form } from "./envelope.ts";
import type { Route } from "./route.ts";
import { publicRoutes } from "./public-routes.ts";
import { ROUTES } from "./routes.ts";
import { recordAnswer, type Trace } from "./trace.ts";

/** itty-router adds what the path matched. */
type ApiRequest = Request & { params: Record<string, string | undefined> };
type Args = [context: Pick<Dispatch, "env" | "ctx" | "requestId" | "trace">];

const BASES: readonly { readonly path: string; readonly form: Form }[] = [
  { path: "/client/v4/accounts/:account_id/containers", form: "envelope" },
  { path: "/client/v4/containers", form: "envelope" },
  { path: "/client/v4/accounts/:account_id/cloudchamber", form: "bare" },
];

const router = Router<ApiRequest, Args>();
for (const [path, answer] of Object.entries(publicRoutes)) {
  router.all(path, async (request, { env }) => {
    const { method, params } = request;
    if (method === "GET" || method === "HEAD") return await answer(env, params, request);
    throw new GantryError("METHOD_NOT_ALLOWED", `${method} is not allowed here; allowed: GET`, { allowed: "GET" });
  });
}
// One handler for all methods of a path, so that a known path with another method is 405 and not 404.
for (const [path, { form, methods }] of mounted()) {
  router.all(path, async (request, context) => {
    const { params } = request;
    const credential = await requireCredential({ ...context, request, params });
    const route = pickMethod(methods, request.method);
    context.trace.route = route.path;
    const dress = form === "envelope" && route.plainErrors ? "plain" : form;
    return await dispatch(route, { ...context, request, form: dress, params, credential });
  });
}
router.all("*", async (request, context) => {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/client/")) await requireCredential({ ...context, request, params: {} });
  throw new GantryError(
    "ROUTE_NOT_FOUND",
    `no route for ${request.method} ${pathname.slice(0, 200)}: /docs shows what there is, /openapi.json says it to programs`,
  );
});

export async function serveApi(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const requestId = crypto.randomUUID();
  const { method } = request;
  const trace: Trace = { requestId, method, startedAt: Date.now(), route: null, accountId: null, actor: null };
  let response: Response;
  try {
    response = await router.fetch(request, { env, ctx, requestId, trace });
  } catch (error) {
    response = toResponse(renderError(error, formOf(new URL(request.url).pathname), requestId));
  }
  recordAnswer(trace, response.status, Date.now());
  if (response.status >= 500) console.warn({ message: "request.answered", requestId, status: response.status });
  return response.webSocket ? response : withRequestId(response, requestId);
}

/** Our own answers take a header as they are; what came from elsewhere is immutable, and has to be dressed anew. */
function withRequestId(response: Response, requestId: string): Response {
  try {
    response.headers.set("x-request-id", requestId);
    protect(response.headers);
    return response;
  } catch {
    const tagged = new Response(response.body, response);
    tagged.headers.set("x-request-id", requestId);
    protect(tagged.headers);
    return tagged;
  }
}

/** Of reads, and of what is refused before its route is known. */
function formOf(pathname: string): Form {
  const [, area] =
    /^\/client\/v4\/(?:accounts\/[^/]+\/)?(cloudchamber|secrets_store|containers\/dash)\//.exec(pathname) ?? [];
  return area === "cloudchamber" ? "bare" : area === undefined ? "envelope" : "plain";
}

interface Mount {
  readonly form: Form;
  readonly methods: Map<string, Route>;
}

function mounted(): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  const mount = (path: string, form: Form, route: Route) => {
    const entry = mounts.get(path) ?? { form, methods: new Map<string, Route>() };
    entry.methods.set(route.method, route);
    mounts.set(path, entry);
  };
  for (const route of ROUTES) {
    if (route.base === "root") mount(route.path, route.plainErrors ? "plain" : "envelope", route);
    else for (const base of BASES) mount(`${base.path}${route.path}`, base.form, route);
  }
  return mounts;
}

function pickMethod(methods: ReadonlyMap<string, Route>, method: string): Route {
  const route = methods.get(method === "HEAD" ? "GET" : method);
  if (route !== undefined) return route;
  const allowed = [...methods.keys()].join(", ");
  throw new GantryError("METHOD_NOT_ALLOWED", `${method} is not allowed here; allowed: ${allowed}`, { allowed });
}
