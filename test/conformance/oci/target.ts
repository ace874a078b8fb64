/**
 * The registry that the tests of this folder ask: Gantry's own, with credentials as its API issues them, or the one at
 * `OCI_TARGET` (`http://127.0.0.1:5000`, with `OCI_USERNAME` and `OCI_PASSWORD` where it wants them), to see them fail.
 */
import { randomBytes } from "node:crypto";
import { Agent, request as send } from "node:http";
import { ACCOUNT_ID, startServer, TOKEN } from "../../contract/server.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Without a length: the server learns where it ends when it ends. */
  readonly isStreamed?: boolean;
  /** Without credentials. */
  readonly isAnonymous?: boolean;
}

const agent = new Agent({ keepAlive: true });

export class Target {
  readonly #origin: URL;
  /** Before every repository's name. */
  readonly prefix: string;
  readonly #authorization: string | null;
  readonly #close: () => Promise<void>;

  constructor(origin: URL, prefix: string, authorization: string | null, close: () => Promise<void>) {
    this.#origin = origin;
    this.prefix = prefix;
    this.#authorization = authorization;
    this.#close = close;
  }

  static async start(): Promise<Target> {
    const given = process.env["OCI_TARGET"];
    if (given !== undefined) {
      const user = process.env["OCI_USERNAME"];
      const basic = user === undefined ? null : basicOf(user, process.env["OCI_PASSWORD"] ?? "");
      return new Target(new URL(given), process.env["OCI_PREFIX"] ?? "", basic, async () => undefined);
    }
    const server = await startServer();
    const { user, password } = await issueCredentials(server.origin);
    return new Target(server.origin, `${ACCOUNT_ID}/`, basicOf(user, password), () => server.close());
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** Another one at each call. */
  repository(name: string): Repository {
    return new Repository(this, `${this.prefix}conformance/${name}-${randomBytes(4).toString("hex")}`);
  }

  /** `path`: also what a `Location` says. */
  ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const headers: Record<string, string> = { ...asked.headers };
    if (this.#authorization !== null && asked.isAnonymous !== true) headers["authorization"] = this.#authorization;
    const { body } = asked;
    const takesBody = ["POST", "PUT", "PATCH"].includes(method);
    if (takesBody && asked.isStreamed !== true) headers["content-length"] = String(body?.byteLength ?? 0);
    return new Promise((resolve, reject) => {
      const call = send(new URL(path, this.#origin).href, { method, headers, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const raw: Record<string, string | undefined> = {};
          for (const [name, value] of Object.entries(response.headers)) raw[name] = value?.toString();
          resolve({ status: response.statusCode ?? 0, headers: raw, body: Buffer.concat(chunks) });
        });
      });
      call.on("error", reject);
      if (asked.isStreamed !== true || body === undefined) {
        call.end(body);
        return;
      }
      // In two pieces, so that no client on the way can tell its length.
      const half = Math.floor(body.byteLength / 2);
      call.flushHeaders();
      call.write(body.subarray(0, half), () => call.end(body.subarray(half)));
    });
  }
}

/** One repository of it, by the paths of the specification. */
export class Repository {
  readonly target: Target;
  readonly name: string;

  constructor(target: Target, name: string) {
    this.target = target;
    this.name = name;
  }

  ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    return this.target.ask(method, `/v2/${this.name}/${path}`, asked);
  }

  blob(method: string, digest: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.ask(method, `blobs/${digest}`, { headers });
  }

  manifest(method: string, reference: string, asked: Asked = {}): Promise<Answer> {
    const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
    return this.ask(method, `manifests/${reference}`, { ...asked, headers: { accept, ...asked.headers } });
  }

  /** Where the next request of a new upload goes. */
  async startUpload(): Promise<string> {
    return locationOf(await this.ask("POST", "blobs/uploads/"), 202);
  }

  /** By POST and PUT, as most clients do. */
  async push(digest: string, bytes: Uint8Array): Promise<Answer> {
    return await this.close(await this.startUpload(), digest, { body: bytes });
  }

  async close(location: string, digest: string, asked: Asked = {}): Promise<Answer> {
    return await this.target.ask("PUT", withQuery(location, { digest }), asked);
  }
}

/** `Location`, of an answer that must have this status. */
export function locationOf(answer: Answer, status: number): string {
  const { location } = answer.headers;
  if (answer.status !== status) throw new Error(`${answer.status} in place of ${status}: ${answer.body.toString()}`);
  if (location === undefined) throw new Error(`${answer.status} without Location`);
  return location;
}

/** What `Location` has in its query stays. */
export function withQuery(location: string, query: Readonly<Record<string, string>>): string {
  return `${location}${location.includes("?") ? "&" : "?"}${new URLSearchParams(query).toString()}`;
}

function basicOf(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

export async function issueCredentials(
  origin: URL,
  permissions: readonly string[] = ["push", "pull", "list"],
): Promise<{ readonly user: string; readonly password: string }> {
  const path = `/client/v4/accounts/${ACCOUNT_ID}/containers/registries/registry.cloudflare.com/credentials`;
  const answer = await fetch(new URL(path, origin), {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ expiration_minutes: 60, permissions }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`no credentials: ${text}`);
  const { result }: { result: { username: string; password: string } } = JSON.parse(text);
  return { user: result.username, password: result.password };
}
