/**
 * `registry.gantry.internal`: the images of the account, for containers whose policy names them. No token is needed: it is
 * known who asks, and what an application may read is what its policy says. Answers have the registry's own form.
 */
import { ERROR_HEADER, RETRYABLE_HEADER } from "../containers/refusal.ts";
import type { Principal } from "../registry/auth/access.ts";
import { refusal } from "../registry/auth/refusal.ts";
import { jsonAnswer } from "../registry/http/call.ts";
import { isRegistryPath, targetOf } from "../registry/http/paths.ts";
import { serveRegistry } from "../registry/http/serve.ts";
import type { InternalCaller } from "./internal/identity.ts";

/** `patterns`: what the policy names; none: nothing may be read. */
export async function serveImages(
  request: Request,
  { accountId, application }: InternalCaller,
  patterns: readonly string[],
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (patterns.length === 0) return denied(request, application, pathname);
  if (request.method !== "GET" && request.method !== "HEAD") {
    const message = `${request.method} is not possible here: images are read by this name, and pushed from outside`;
    return jsonAnswer({ errors: [{ code: "UNSUPPORTED", message, detail: null }] }, { allow: "GET, HEAD" }, 405);
  }
  if (!isRegistryPath(pathname)) {
    const message = "the registry is at /v2/";
    return jsonAnswer({ errors: [{ code: "UNSUPPORTED", message, detail: null }] }, {}, 404);
  }
  const principal: Principal = {
    actor: `application ${application}`,
    tokenId: null,
    accountId,
    isEverywhere: false,
    permissions: ["pull", "list"],
    repositories: patterns.includes("*") ? null : patterns,
  };
  const answer = await serveRegistry(request, env, ctx, principal);
  if (answer.status !== 403) return answer;
  await answer.body?.cancel();
  return denied(request, application, pathname);
}

/** With what to add, as a registry says it. */
function denied(request: Request, application: string, pathname: string): Response {
  const target = isRegistryPath(pathname) ? targetOf(pathname) : null;
  const needed = target !== null && "name" in target ? target.name.slice(0, 255) : "*";
  const message = `application ${application} may not read ${needed === "*" ? "images" : needed}: add ${JSON.stringify(needed)} to its egress.registry`;
  const headers = { [ERROR_HEADER]: "EGRESS_DENIED", [RETRYABLE_HEADER]: "false" };
  const answer = refusal("DENIED", message, headers, { needed });
  return request.method === "HEAD" ? new Response(null, answer) : answer;
}
