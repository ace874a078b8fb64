/**
 * The control API: authenticates, finds the route, parses the input, calls the handler, wraps the answer. The same
 * handlers answer under the account's path and under `/client/v4/containers`, which means the token's account.
 */
import { Router } from "itty-router";
import { GantryError } from "../errors.ts";
import { isAuthorized } from "./auth.ts";
import { readJson, validate } from "./body.ts";
import { errorResponse, successResponse } from "./envelope.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

/** itty-router adds what the path matched. */
type ApiRequest = Request & { params: Record<string, string> };
type Args = [env: Env, ctx: ExecutionContext];

const BASES = ["/client/v4/accounts/:account_id/containers", "/client/v4/containers"] as const;
const RETRY_AFTER = { "retry-after": "1" };

const router = Router<ApiRequest, Args>();
router.get("/healthz", () => Response.json({ status: "ok" }));
for (const base of BASES) {
  for (const route of ROUTES) {
    router.all(`${base}${route.path}`, (request, env) => dispatch(`${base}${route.path}`, request, env));
  }
}
router.all("*", async (request, env) => {
  if (new URL(request.url).pathname.startsWith("/client/")) await authenticate(request, env);
  throw new GantryError(
    "ROUTE_NOT_FOUND",
    `no route for ${request.method} ${new URL(request.url).pathname.slice(0, 200)}`,
  );
});

/** Routes by full path, so that a known path with another method is 405 and not 404. */
const BY_PATH = new Map<string, Map<string, Route>>();
for (const base of BASES) {
  for (const route of ROUTES) {
    const key = `${base}${route.path}`;
    const methods = BY_PATH.get(key) ?? new Map<string, Route>();
    methods.set(route.method, route);
    BY_PATH.set(key, methods);
  }
}

export async function serveApi(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    return await router.fetch(request, env, ctx);
  } catch (error) {
    return errorResponse(error, RETRY_AFTER);
  }
}

async function dispatch(key: string, request: ApiRequest, env: Env): Promise<Response> {
  await authenticate(request, env);
  const methods = BY_PATH.get(key);
  const route = methods?.get(request.method === "HEAD" ? "GET" : request.method);
  if (route === undefined) {
    const allowed = [...(methods?.keys() ?? [])].join(", ");
    throw new GantryError("METHOD_NOT_ALLOWED", `${request.method} is not allowed here; allowed: ${allowed}`, {
      allowed,
    });
  }
  const { account_id: accountId = env.GANTRY_ACCOUNT_ID, ...params } = request.params;
  // The same answer for an account that exists elsewhere and one that does not.
  if (accountId !== env.GANTRY_ACCOUNT_ID) throw new GantryError("ACCOUNT_NOT_FOUND", "Unknown account");
  const query = validate(route.query, Object.fromEntries(new URL(request.url).searchParams));
  const body = route.body === null ? null : validate(route.body, await readJson(request));
  return successResponse(await route.run({ env, accountId, params, query, body }));
}

async function authenticate(request: Request, env: Env): Promise<void> {
  if (await isAuthorized(request, env)) return;
  throw new GantryError("UNAUTHORIZED", "Authentication error: send Authorization: Bearer <token> with a valid token");
}
