/**
 * A registry in the shapes that real ones have, on loopback: tokens of another path, blobs at another origin that refuses
 * whoever brings a password, and faults by repository. `/-/…` sets it up from elsewhere.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  /** No answer at all. */
  | { readonly kind: "down" }
  /** Every status, with these headers. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly times?: number;
    }
  /** Bodies of blobs break after so many bytes, so many times. */
  | { readonly kind: "cut"; readonly after: number; readonly times: number }
  /** Other bytes of the same length. */
  | { readonly kind: "wrong-bytes" }
  /** A part of each blob, then nothing until `/-/release`. */
  | { readonly kind: "held"; readonly after: number }
  /** Blobs are redirected there. */
  | { readonly kind: "redirect"; readonly location: string }
  | { readonly kind: "no-ranges" }
  | { readonly kind: "no-length" };

export interface FakeRegistry {
  readonly origin: string;
  readonly host: string;
  readonly addBlob: (bytes: Uint8Array) => string;
  readonly addManifest: (repository: string, tag: string, bytes: Uint8Array | object, type?: string) => string;
  readonly setFault: (repository: string, fault: Fault | null) => void;
  /** `GET /v2/a/manifests/x`, with what it brought. */
  readonly requests: Logged[];
  readonly close: () => void;
}

export interface Logged {
  readonly line: string;
  readonly authorization: string | null;
  readonly range: string | null;
}

export interface FakeOptions {
  /** `token`: anyone gets one but for repositories below `private/`, which need the login. */
  readonly auth?: "none" | "basic" | "token";
  /** Where tokens come from, when it is not here. */
  readonly realm?: string;
  /** Seconds; absent: not said. */
  readonly tokenSeconds?: number;
  /** Blobs are at another origin. */
  readonly redirects?: boolean;
}

export const LOGIN = { user: "robot", password: "s3cret" };
export const IMAGE = "application/vnd.oci.image.manifest.v1+json";

export async function startFakeRegistry(options: FakeOptions = {}): Promise<FakeRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, { type: string; bytes: Buffer; digest: string }>();
  const faults = new Map<string, Fault>();
  const tokens = new Map<string, { scope: string; until: number }>();
  const requests: Logged[] = [];
  const held: (() => void)[] = [];
  const elsewhere = options.redirects === true ? await listen((request, response) => cdn(request, response)) : null;
  const server = await listen((request, response) => void main(request, response));
  const origin = originOf(server);

  function cdn(request: IncomingMessage, response: ServerResponse): void {
    requests.push(logged(request, "cdn "));
    if (request.headers.authorization !== undefined) {
      response.writeHead(400, { "content-type": "text/plain" }).end("Only one auth mechanism allowed");
      return;
    }
    const [, repository = "", digest = ""] = /^\/(.+)\/([^/]+)$/.exec(request.url ?? "") ?? [];
    sendBlob(request, response, repository, blobs.get(digest) ?? null);
  }

  async function main(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", origin);
    if (url.pathname.startsWith("/-/")) return await control(request, response, url);
    requests.push(logged(request, ""));
    if (url.pathname === "/token") return token(request, response, url);
    const [, repository = "", kind = "", reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(url.pathname) ?? [];
    const fault = faults.get(repository);
    if (fault?.kind === "down") return void request.socket.destroy();
    if (fault?.kind === "status") {
      const { times } = fault;
      if (times === 1) faults.delete(repository);
      else if (times !== undefined) faults.set(repository, { ...fault, times: times - 1 });
      response.writeHead(fault.status, fault.headers).end("no");
      return;
    }
    if (!isAllowed(request, repository)) return challenge(response, repository);
    if (kind === "tags") return tags(response, repository, url);
    if (kind === "manifests") return manifest(request, response, manifests.get(`${repository} ${reference}`));
    if (fault?.kind === "redirect") {
      response.writeHead(307, { location: fault.location.replace("{url}", url.href) }).end();
      return;
    }
    const bytes = blobs.get(reference) ?? null;
    if (bytes !== null && elsewhere !== null) {
      response.writeHead(307, { location: `${originOf(elsewhere)}/${repository}/${reference}` }).end();
      return;
    }
    sendBlob(request, response, repository, bytes);
  }

  function isAllowed({ headers: { authorization = "" } }: IncomingMessage, repository: string): boolean {
    if (options.auth === undefined || options.auth === "none") return true;
    if (options.auth === "basic") return authorization === basic();
    const found = tokens.get(authorization.replace(/^Bearer /, ""));
    return found !== undefined && found.until > Date.now() && found.scope === `repository:${repository}:pull`;
  }

  function challenge(response: ServerResponse, repository: string): void {
    const realm = options.realm ?? `${origin}/token`;
    const bearer = `bearer Realm="${realm}",service=fake.test,scope="repository:${repository}:pull"`;
    const value = options.auth === "basic" ? `Basic realm="fake"` : `Negotiate, ${bearer}, Basic realm="other, one"`;
    response.writeHead(401, { "www-authenticate": value, "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED" }] }));
  }

  function token({ headers: { authorization } }: IncomingMessage, response: ServerResponse, url: URL): void {
    const scope = url.searchParams.get("scope") ?? "";
    const isLoggedIn = authorization === basic();
    if ((authorization !== undefined && !isLoggedIn) || url.searchParams.get("service") !== "fake.test") {
      response.writeHead(401).end("{}");
      return;
    }
    const value = randomUUID();
    const granted = scope.startsWith("repository:private/") && !isLoggedIn ? "" : scope;
    const seconds = options.tokenSeconds ?? 300;
    tokens.set(value, { scope: granted, until: Date.now() + seconds * 1_000 });
    const said = options.tokenSeconds === undefined ? {} : { expires_in: seconds };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ access_token: value, ...said }));
  }

  function tags(response: ServerResponse, repository: string, url: URL): void {
    const all = [...manifests.keys()]
      .filter((key) => key.startsWith(`${repository} `) && !key.includes(":"))
      .map((key) => key.slice(repository.length + 1))
      .toSorted();
    const last = url.searchParams.get("last");
    const from = last === null ? 0 : all.indexOf(last) + 1;
    const n = Number(url.searchParams.get("n") ?? 100);
    const page = all.slice(from, from + n);
    const next = `</v2/${repository}/tags/list?n=${n}&last=${page.at(-1)}>; rel="next"`;
    response.writeHead(200, from + n < all.length ? { link: next } : {});
    response.end(JSON.stringify({ name: repository, tags: page }));
  }

  function sendBlob(
    { method, headers: { range } }: IncomingMessage,
    response: ServerResponse,
    repository: string,
    bytes: Buffer | null,
  ): void {
    if (bytes === null) {
      response.writeHead(404).end(JSON.stringify({ errors: [{ code: "BLOB_UNKNOWN" }] }));
      return;
    }
    const fault = faults.get(repository);
    const [, start, end] = (fault?.kind === "no-ranges" ? null : /^bytes=(\d+)-(\d*)$/.exec(range ?? "")) ?? [];
    const to = end === undefined || end === "" ? bytes.length - 1 : Number(end);
    const sent = fault?.kind === "wrong-bytes" ? Buffer.alloc(bytes.length, 0x2e) : bytes;
    const part = start === undefined ? sent : sent.subarray(Number(start), to + 1);
    const partial = start === undefined ? {} : { "content-range": `bytes ${start}-${to}/${bytes.length}` };
    const length = fault?.kind === "no-length" ? {} : { "content-length": part.length };
    response.writeHead(start === undefined ? 200 : 206, { ...length, ...partial });
    if (method === "HEAD") return void response.end();
    if (fault?.kind === "cut" && fault.times > 0) {
      faults.set(repository, { ...fault, times: fault.times - 1 });
      response.write(part.subarray(0, fault.after), () => response.socket?.destroy());
    } else if (fault?.kind === "held") {
      response.write(part.subarray(0, fault.after));
      held.push(() => response.end(part.subarray(fault.after)));
    } else response.end(part);
  }

  const addBlob = (bytes: Uint8Array): string => {
    const digest = digestOf(bytes);
    blobs.set(digest, Buffer.from(bytes));
    return digest;
  };
  const addManifest: FakeRegistry["addManifest"] = (repository, tag, body, type = IMAGE) => {
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    const digest = digestOf(bytes);
    for (const reference of [tag, digest]) manifests.set(`${repository} ${reference}`, { type, bytes, digest });
    return digest;
  };
  const setFault: FakeRegistry["setFault"] = (repository, fault) => {
    if (fault === null) faults.delete(repository);
    else faults.set(repository, fault);
  };

  /** The same from another process. */
  async function control(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const repository = url.searchParams.get("repository") ?? "";
    const answers: Readonly<Record<string, () => unknown>> = {
      "/-/blob": () => addBlob(body),
      "/-/manifest": () =>
        addManifest(repository, url.searchParams.get("tag") ?? "", body, request.headers["content-type"]),
      "/-/fault": () => setFault(repository, JSON.parse(body.toString()) as Fault | null),
      "/-/release": () => held.splice(0).forEach((go) => go()),
      "/-/requests": () => requests.filter(({ line }) => line.includes(repository)),
    };
    response.end(JSON.stringify(answers[url.pathname]?.() ?? null));
  }

  const close = (): void => {
    for (const one of [server, elsewhere]) {
      one?.close();
      one?.closeAllConnections();
    }
  };
  return { origin, host: new URL(origin).host, addBlob, addManifest, setFault, requests, close };
}

function manifest(
  { method, headers: { accept = "" } }: IncomingMessage,
  response: ServerResponse,
  found: { type: string; bytes: Buffer; digest: string } | undefined,
): void {
  if (found === undefined || !accept.includes(found.type)) {
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN" }] }));
    return;
  }
  const { type, bytes, digest } = found;
  const headers = { "content-type": type, "docker-content-digest": digest, "content-length": bytes.length };
  response.writeHead(200, headers).end(method === "HEAD" ? undefined : bytes);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function basic(): string {
  return `Basic ${Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString("base64")}`;
}

function logged({ method, url, headers }: IncomingMessage, before: string): Logged {
  const { authorization = null, range = null } = headers;
  return { line: `${before}${method} ${url}`, authorization, range };
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
