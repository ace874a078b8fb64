/** What anybody may ask, without a token: is it alive, can it serve, what does it take. */
import { declaredImages } from "../containers/catalog.ts";
import { describeError } from "../errors.ts";
import { accountStub } from "../stubs.ts";
import { docsPage, openApiJson } from "./openapi/page.ts";
import { serveSshTunnel, TUNNEL_PATH } from "./ssh-tunnel.ts";

type PublicRoute = (
  env: Env,
  params: Readonly<Record<string, string | undefined>>,
  request: Request,
) => Promise<Response> | Response;

export const publicRoutes: Readonly<Record<string, PublicRoute>> = {
  "/healthz": () => Response.json({ status: "ok" }),
  "/readyz": ready,
  "/openapi.json": openApiJson,
  [TUNNEL_PATH]: serveSshTunnel,
  "/docs": (env) => docsPage(env),
  "/docs/:file": (env, { file }) => docsPage(env, file),
};

/** Ready when the objects answer, secrets can be sealed and there is an image to start. */
async function ready(env: Env): Promise<Response> {
  const checks = {
    account: accountStub(env, env.GANTRY_ACCOUNT_ID).accounts("", 1),
    images: declaredImages(env).then((images) => {
      if (images.length === 0) throw new Error("no image is declared");
    }),
    secrets: Promise.resolve().then(() => {
      if (!env.GANTRY_ADMIN_TOKEN) throw new Error("GANTRY_ADMIN_TOKEN is not set");
      if (!env.GANTRY_MASTER_KEY) throw new Error("GANTRY_MASTER_KEY is not set");
    }),
  };
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await check;
        return [name, "ok"] as const;
      } catch (error) {
        return [name, describeError(error, 100)] as const;
      }
    }),
  );
  const isReady = results.every(([, state]) => state === "ok");
  const body = { status: isReady ? "ready" : "not ready", checks: Object.fromEntries(results) };
  return Response.json(body, { status: isReady ? 200 : 503, headers: isReady ? {} : { "retry-after": "1" } });
}
