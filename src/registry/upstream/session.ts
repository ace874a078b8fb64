/**
 * Requests to one registry as its login, or as nobody: a challenge is answered once, and once more when the token that
 * was kept has ended. What the registry refuses becomes a failure here.
 */
import { usefulChallenge, type Challenge } from "./challenge.ts";
import { UpstreamError, upstreamError } from "./failure.ts";
import { basicHeader, bearerToken, type Login, type TokenCache } from "./tokens.ts";
import { discard, send, type Arrived, type Outgoing, type Transport } from "./transport.ts";

export interface Session {
  readonly transport: Transport;
  readonly tokens: TokenCache;
  /** Asked when the registry wants to know; null: nobody. */
  readonly login: () => Promise<Login | null>;
}

export interface RegistryRequest extends Outgoing {
  readonly method: "GET" | "HEAD";
  /** As the registry calls it. */
  readonly repository: string;
  /** Below the registry's origin. */
  readonly path: string;
}

/** An answer of 200, 206 or 416; everything else is thrown. */
export async function ask(session: Session, request: RegistryRequest): Promise<Arrived> {
  const { transport, tokens } = session;
  const { repository, path, method, headers } = request;
  const url = new URL(`${transport.endpoint.origin}${path}`);
  const place = `${url.origin} ${repository}`;
  const remembered = tokens.challenge(place);
  let brought = remembered === null ? null : await authorization(session, remembered, repository, false);
  let arrived = await attempt(session, url, { method, headers }, brought);
  for (let tries = 0; arrived.response.status === 401 && arrived.url.origin === url.origin && tries < 2; tries += 1) {
    const challenge = usefulChallenge(arrived.response.headers.get("www-authenticate") ?? "");
    if (challenge === null) break;
    const isRefused = brought !== null;
    const next = await authorization(session, challenge, repository, isRefused);
    // The same password again gets the same answer.
    if (next === null || (challenge.scheme === "basic" && next === brought)) break;
    await discard(arrived.response);
    tokens.keepChallenge(place, challenge);
    brought = next;
    arrived = await attempt(session, url, { method, headers }, brought);
    if (isRefused) break;
  }
  return await accepted(arrived, url);
}

async function attempt({ transport }: Session, url: URL, request: Outgoing, brought: string | null): Promise<Arrived> {
  const headers = brought === null ? request.headers : { ...request.headers, authorization: brought };
  return await send(transport, url, { ...request, headers });
}

async function authorization(
  { transport, tokens, login }: Session,
  challenge: Challenge,
  repository: string,
  isRefused: boolean,
): Promise<string | null> {
  const known = await login();
  if (challenge.scheme === "basic") return known === null ? null : basicHeader(known);
  return `Bearer ${await bearerToken(transport, tokens, challenge, { login: known, repository, isRefused })}`;
}

async function accepted(arrived: Arrived, asked: URL): Promise<Arrived> {
  const { response, url } = arrived;
  const { status } = response;
  if (status === 200 || status === 206 || status === 416) return arrived;
  await discard(response);
  const where = url.host;
  if (status === 404 || status === 410) throw upstreamError("NOT_FOUND", `${asked.host} has no ${nameOf(asked)}`);
  if (status === 401 || status === 403) {
    const message =
      url.origin === asked.origin
        ? `${where} does not let these credentials read ${nameOf(asked)}, or has none such`
        : `${asked.host} redirects to ${where}, which refuses (status ${status})`;
    throw new UpstreamError({ code: url.origin === asked.origin ? "UNAUTHORIZED" : "INVALID", message });
  }
  throw upstreamError("INVALID", `${where} answers ${nameOf(asked)} with status ${status}`);
}

/** `library/alpine:3`, of the path of a request. */
function nameOf({ pathname }: URL): string {
  const [, repository, , reference] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(pathname) ?? [];
  if (repository === undefined || reference === undefined) return pathname.slice(0, 300);
  return `${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
}
