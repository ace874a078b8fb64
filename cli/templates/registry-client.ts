/**
 * A registry as templates need it: small blobs and manifests over plain `/v2/`. What is read is checked against the
 * digest that it was asked for by.
 */
import * as z from "zod";
import { algorithmOf, digestOfBytes, isDigest, type Digest } from "../../src/registry/oci/digest.ts";
import type { Blob } from "./artifact.ts";
import { MANIFEST_TYPE } from "./format.ts";

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

export interface RegistryOptions {
  /** `http://127.0.0.1:8787`. */
  readonly origin: string;
  readonly login: RegistryLogin;
  readonly sleep: (ms: number) => Promise<void>;
  readonly fetch?: typeof fetch;
}

export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly status: number;
  /** The specification's; null where the answer has none. */
  readonly code: string | null;

  constructor(request: string, status: number, code: string | null, message: string) {
    super(`the registry answered ${status} to ${request}: ${code === null ? message : `${code}: ${message}`}`);
    this.status = status;
    this.code = code;
  }
}

const MAX_MANIFEST = 4 * 2 ** 20;
const MAX_ANSWER = 2 ** 20;
const PAGE = 100;
const MAX_PAGES = 10_000;
const TIMEOUT_MS = 120_000;
const TRIES = 4;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;

const problems = z.looseObject({
  errors: z.array(z.looseObject({ code: z.string(), message: z.string().default("") })),
});
const catalog = z.looseObject({ repositories: z.array(z.string()).nullable() });
const tagList = z.looseObject({ tags: z.array(z.string()).nullable() });

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Statuses that are an answer, and no failure. */
  readonly expected?: readonly number[];
}

export class RegistryClient {
  readonly #options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Null where there is none of that tag or digest. */
  async manifest(repository: string, reference: string): Promise<Blob | null> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const response = await this.#ask(path, { headers: { accept: MANIFEST_TYPE }, expected: [200, 404] });
    if (response.status === 404) return await nothing(response);
    const bytes = await read(response, path, MAX_MANIFEST);
    const digest = isDigest(reference) ? reference : await digestOfBytes("sha256", bytes);
    await verify(path, bytes, digest);
    return { digest, bytes };
  }

  /** What a tag is at; null where there is none. */
  async digestOf(repository: string, tag: string): Promise<Digest | null> {
    const path = `/v2/${repository}/manifests/${tag}`;
    const asked = { method: "HEAD", headers: { accept: MANIFEST_TYPE }, expected: [200, 404] };
    const { status, headers } = await this.#ask(path, asked);
    const digest = headers.get("docker-content-digest") ?? "";
    return status === 200 && isDigest(digest) ? digest : null;
  }

  async blob(repository: string, digest: Digest, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const path = `/v2/${repository}/blobs/${digest}`;
    const bytes = await read(await this.#ask(path), path, maxBytes);
    await verify(path, bytes, digest);
    return bytes;
  }

  /** Whether it was not there yet. */
  async pushBlob(repository: string, { digest, bytes }: Blob): Promise<boolean> {
    const asked = { method: "HEAD", expected: [200, 404] };
    if ((await this.#ask(`/v2/${repository}/blobs/${digest}`, asked)).status === 200) return false;
    const path = `/v2/${repository}/blobs/uploads/`;
    const begun = await this.#ask(path, { method: "POST", expected: [202] });
    const location = begun.headers.get("location");
    await begun.body?.cancel();
    const target = location === null ? null : new URL(location, this.#options.origin);
    if (target === null || target.origin !== new URL(this.#options.origin).origin) {
      throw new RegistryError(`POST ${path}`, begun.status, null, "it names no place of its own for the upload");
    }
    target.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    const ended = await this.#ask(target.pathname + target.search, {
      method: "PUT",
      headers,
      body: bytes,
      expected: [201],
    });
    await ended.body?.cancel();
    return true;
  }

  async pushManifest(repository: string, reference: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { "content-type": MANIFEST_TYPE };
    const path = `/v2/${repository}/manifests/${reference}`;
    const answer = await this.#ask(path, { method: "PUT", headers, body: bytes, expected: [201] });
    await answer.body?.cancel();
  }

  /** Null where there is no such repository. */
  async tags(repository: string): Promise<string[] | null> {
    const path = `/v2/${repository}/tags/list`;
    const pages = await this.#pages(path, null, tagList, ({ tags }) => tags ?? []);
    return pages;
  }

  /** Those whose names begin so. */
  async repositories(prefix: string): Promise<string[]> {
    // Names are sorted: what comes before the prefix need not be read.
    const first = prefix.replace(/\/$/, "");
    const isPast = (name: string) => !name.startsWith(prefix) && name > prefix;
    const all = await this.#pages("/v2/_catalog", first, catalog, ({ repositories }) => repositories ?? [], isPast);
    return (all ?? []).filter((name) => name.startsWith(prefix));
  }

  async #pages<T>(
    path: string,
    last: string | null,
    schema: z.ZodType<T>,
    itemsOf: (page: T) => readonly string[],
    isPast: (item: string) => boolean = () => false,
  ): Promise<string[] | null> {
    const items: string[] = [];
    let next: string | null =
      `${path}?${new URLSearchParams({ n: String(PAGE), ...(last === null ? {} : { last }) }).toString()}`;
    for (let page = 0; next !== null && page < MAX_PAGES; page += 1) {
      const asked: string = next;
      const response = await this.#ask(asked, { expected: [200, 404] });
      if (response.status === 404) return await nothing(response);
      const link = /<([^>]+)>\s*;\s*rel="?next"?/i.exec(response.headers.get("link") ?? "")?.[1];
      const parsed = schema.safeParse(parseJson(await read(response, asked, MAX_ANSWER)));
      if (!parsed.success) throw new RegistryError(`GET ${asked}`, response.status, null, "an answer of another form");
      const found = itemsOf(parsed.data);
      items.push(...found);
      if (link === undefined || found.some(isPast)) return items;
      const { pathname, search } = new URL(link, new URL(asked, this.#options.origin));
      next = pathname + search;
    }
    return items;
  }

  async #ask(path: string, { method = "GET", headers = {}, body, expected = [200] }: Asked = {}): Promise<Response> {
    const { origin, login, sleep, fetch: reach = fetch } = this.#options;
    const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
    for (let attempt = 1; ; attempt += 1) {
      const response = await reach(new URL(path, origin), {
        method,
        headers: { ...headers, authorization },
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body }),
      }).catch((error: unknown) => unreachable(origin, error));
      if (expected.includes(response.status)) return response;
      // Neither was begun with.
      if (attempt === TRIES || (response.status !== 429 && response.status !== 503)) {
        throw await failureOf(`${method} ${path}`, response);
      }
      await response.body?.cancel();
      const asked = Number(response.headers.get("retry-after") ?? 0) * 1_000;
      await sleep(Math.min(MAX_PAUSE_MS, Math.max(asked || 0, FIRST_PAUSE_MS * 2 ** (attempt - 1))));
    }
  }
}

function unreachable(origin: string, error: unknown): never {
  const cause = error instanceof Error ? error.cause : null;
  const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(error);
  throw new Error(`${origin} does not answer (${why}): start it, or name another with --url or GANTRY_URL`, {
    cause: error,
  });
}

async function failureOf(request: string, response: Response): Promise<RegistryError> {
  const parsed = problems.safeParse(parseJson(await read(response, request, MAX_ANSWER).catch(() => new Uint8Array())));
  const [first] = parsed.success ? parsed.data.errors : [];
  return new RegistryError(request, response.status, first?.code ?? null, first?.message ?? "no reason given");
}

async function nothing(response: Response): Promise<null> {
  await response.body?.cancel();
  return null;
}

/** Refused beyond `maxBytes`, whatever its header says. */
async function read(response: Response, path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

async function verify(path: string, bytes: Uint8Array<ArrayBuffer>, digest: Digest): Promise<void> {
  const actual = await digestOfBytes(algorithmOf(digest), bytes);
  if (actual !== digest) throw new Error(`what the registry gives for ${path} is ${actual}: it is not used`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
