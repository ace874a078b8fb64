/** What registry clients send: a login, a token that it was given, and what they want to do. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { authorize } from "../../src/registry/auth/authorize.ts";
import { serveToken } from "../../src/registry/auth/token-endpoint.ts";
import type { Wanted } from "../../src/registry/auth/access.ts";
import { call, testEnv } from "./client.ts";

export const MANAGED = "registry.cloudflare.com";

export const basic = (user: string, password: string) => ({ authorization: `Basic ${btoa(`${user}:${password}`)}` });
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

type Headers = Readonly<Record<string, string>>;

export interface Decision {
  readonly allowed: boolean;
  readonly status: number;
  /** `errors[0].code`. */
  readonly code: string;
  readonly message: string;
  readonly challenge: string | null;
  readonly accountId: string;
  readonly repository: string;
  readonly actor: string;
  readonly readable: "all" | readonly string[];
  readonly listable: "all" | readonly string[];
}

const METHODS = { pull: "GET", list: "GET", push: "PUT", delete: "DELETE" } as const;

/** Whether the registry lets a client with these headers do it. */
export async function ask(
  action: Wanted["action"],
  name: string | null,
  headers: Headers = {},
  method: string = METHODS[action],
): Promise<Decision> {
  const path = name === null ? "_catalog" : `${name}/manifests/latest`;
  const request = new Request(`http://registry.test:8787/v2/${path}`, { method, headers });
  const ctx = createExecutionContext();
  const answer = await authorize(request, testEnv, ctx, { name, action });
  await waitOnExecutionContext(ctx);
  const nothing = { code: "", message: "", challenge: null };
  if (answer.allowed) {
    const { accountId, repository, access } = answer;
    return { allowed: true, status: 200, ...nothing, accountId, repository, ...access };
  }
  const { status, headers: sent } = answer.response;
  const { errors } = await answer.response.json<{ errors: { code: string; message: string }[] }>();
  const { code = "", message = "" } = errors[0] ?? {};
  const own = { accountId: "", repository: "", actor: "", readable: [], listable: [] };
  return { allowed: false, status, code, message, challenge: sent.get("www-authenticate"), ...own };
}

/** In short: `200`, or the status and the code. */
export async function outcome(action: Wanted["action"], name: string | null, headers: Headers = {}): Promise<string> {
  const { status, code } = await ask(action, name, headers);
  return `${status} ${code}`.trim();
}

export interface TokenAnswer {
  readonly status: number;
  readonly token: string;
  readonly body: Record<string, unknown>;
}

export async function getToken(
  scopes: readonly string[],
  headers: Headers = {},
  form: Readonly<Record<string, string>> | null = null,
): Promise<TokenAnswer> {
  const url = new URL("http://registry.test:8787/v2/token?service=registry.test:8787&account=v1&client_id=docker");
  if (form === null) for (const scope of scopes) url.searchParams.append("scope", scope);
  const body = form === null ? null : new URLSearchParams({ ...form, scope: scopes.join(" ") });
  const ctx = createExecutionContext();
  const method = form === null ? "GET" : "POST";
  const answer = await serveToken(new Request(url, { method, headers, body }), testEnv, ctx);
  await waitOnExecutionContext(ctx);
  const read = await answer.json<Record<string, unknown> & { token?: string }>();
  return { status: answer.status, token: read.token ?? "", body: read };
}

/** The header that goes with credentials of the first account, or of another one. */
export async function credentials(
  body: Record<string, unknown> = {},
  account = call,
): Promise<{ authorization: string }> {
  const wanted = { permissions: ["pull", "push", "list"], expiration_minutes: 5, ...body };
  const { result, errors } = await account("POST", `/registries/${MANAGED}/credentials`, wanted);
  if (result === null || result === undefined) throw new Error(`no credentials: ${JSON.stringify(errors)}`);
  return basic("v1", result.password);
}

/** The header of a token of the control API, as the password of any user name. */
export async function apiToken(scopes: readonly string[], more: Record<string, unknown> = {}) {
  const { result } = await call("POST", "/tokens", { name: `t-${crypto.randomUUID().slice(0, 8)}`, scopes, ...more });
  return { id: String(result.id), password: String(result.value), header: basic("anybody", String(result.value)) };
}
