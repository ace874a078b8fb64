/** Refusals as registry clients read them: `{"errors": […]}`, and with 401 where a token is to be had. */
import type { RegistryAction } from "./access.ts";

export const API_VERSION = { "docker-distribution-api-version": "registry/2.0" };
export const TOKEN_PATH = "/v2/token";

const STATUS = { UNAUTHORIZED: 401, DENIED: 403, NAME_UNKNOWN: 404 } as const;

export function refusal(
  code: keyof typeof STATUS,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  detail: unknown = null,
): Response {
  const body = JSON.stringify({ errors: [{ code, message, detail }] });
  const length = String(new TextEncoder().encode(body).byteLength);
  return new Response(body, {
    status: STATUS[code],
    headers: { ...API_VERSION, "content-type": "application/json", "content-length": length, ...headers },
  });
}

/** As clients ask for it. What lists tags is `pull` to them. */
const SCOPED: Readonly<Record<RegistryAction, string>> = {
  pull: "pull",
  push: "pull,push",
  list: "pull",
  delete: "pull,push,delete",
};

/**
 * Bearer alone: with Basic beside it, or in its place, docker takes nothing from a public repository without a login.
 * Basic is good all the same for whoever sends it.
 */
export function challenge(
  request: Request,
  message: string,
  wanted: { readonly name: string | null; readonly action: RegistryAction } | null,
  error: "invalid_token" | "insufficient_scope" | null,
): Response {
  const { origin, host } = new URL(request.url);
  const scope =
    wanted === null
      ? null
      : wanted.name === null
        ? "registry:catalog:*"
        : `repository:${wanted.name}:${SCOPED[wanted.action]}`;
  const parameters = [
    `realm="${origin}${TOKEN_PATH}"`,
    `service="${host}"`,
    ...(scope === null ? [] : [`scope="${scope}"`]),
    ...(error === null ? [] : [`error="${error}"`]),
  ];
  return refusal("UNAUTHORIZED", message, { "www-authenticate": `Bearer ${parameters.join(",")}` });
}
