/** What is asked of Cloudflare's API with the operator's token: credentials of the managed registry, and preparations. */
import * as z from "zod";
import { sleep } from "../../sleep.ts";
import type { Login } from "../upstream/tokens.ts";
import { ImageFailure } from "./progress.ts";

export interface CloudflareAccess {
  readonly token: string;
  readonly accountId: string;
  readonly baseUrl: string;
  readonly registry: string;
}

const API = "https://api.cloudflare.com/client/v4";
const CREDENTIALS_MINUTES = 60;
const POLL_MS = 2_000;
/** An alarm may take a quarter of an hour; the next one goes on. */
const PATIENCE_MS = 600_000;

const credentials = z.object({
  result: z.object({ username: z.string().optional(), user: z.string().optional(), password: z.string() }),
});
const preparation = z.object({
  result: z.object({ status: z.enum(["pending", "ready", "error"]), reason: z.string().optional() }),
});

/** Null where the operator has given none. The token is a secret of the Worker, and no variable of its configuration. */
export function cloudflareAccess(env: Env): CloudflareAccess | null {
  const { CLOUDFLARE_API_TOKEN: token = "", CLOUDFLARE_API_BASE_URL: baseUrl = API } = env as Env & {
    readonly CLOUDFLARE_API_TOKEN?: string;
    readonly CLOUDFLARE_API_BASE_URL?: string;
  };
  if (token === "") return null;
  return { token, accountId: env.GANTRY_ACCOUNT_ID, baseUrl, registry: env.MANAGED_REGISTRY };
}

export async function managedLogin(access: CloudflareAccess): Promise<Login> {
  const body = { expiration_minutes: CREDENTIALS_MINUTES, permissions: ["push", "pull"] };
  const { result } = credentials.parse(await post(access, `registries/${access.registry}/credentials`, body));
  return { user: result.username ?? result.user ?? "", password: result.password };
}

/** Resolves when the platform can start it. */
export async function untilPrepared(access: CloudflareAccess, image: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const { result } = preparation.parse(await post(access, "image-preparations", { image }));
    if (result.status === "ready") return;
    if (result.status === "error") {
      throw new ImageFailure(`Cloudflare could not prepare ${image}: ${result.reason ?? "no reason given"}`, {
        isPassing: false,
      });
    }
    if (Date.now() > until) throw new ImageFailure(`Cloudflare still prepares ${image}`, { isPassing: true });
    await sleep(POLL_MS);
  }
}

async function post(access: CloudflareAccess, path: string, body: object): Promise<unknown> {
  const url = `${access.baseUrl}/accounts/${access.accountId}/containers/${path}`;
  const headers = { authorization: `Bearer ${access.token}`, "content-type": "application/json" };
  let answer: Response;
  try {
    answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  } catch (error) {
    throw new ImageFailure(`Cloudflare's API does not answer: ${String(error)}`, { isPassing: true });
  }
  if (answer.ok) return await answer.json();
  const text = (await answer.text()).slice(0, 300);
  const isPassing = answer.status === 429 || answer.status >= 500;
  throw new ImageFailure(`Cloudflare's API answered ${answer.status} to ${path}: ${text}`, { isPassing });
}
