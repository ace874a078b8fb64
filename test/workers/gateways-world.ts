/** Asks the gateways of bindings as a container does whose policy grants them. */
import { env } from "cloudflare:workers";
import { serveBinding } from "../../src/egress/bindings/serve.ts";
import type { BindingGrant } from "../../src/egress/policy/policy.ts";
import { domainError, type Envelope } from "./client.ts";

export interface Bindings {
  readonly FILES: R2Bucket;
  readonly NAMES: KVNamespace;
}

/** What the tests' own wrangler.jsonc adds. */
export const bound = env as unknown as Bindings;

export const CALLER = {
  accountId: "00000000000000000000000000000001",
  application: "web",
  applicationId: "0a0a0a0a-0000-4000-8000-000000000000",
  instance: "ab".repeat(32),
  name: null,
  generation: 7,
};

export const ALL: readonly BindingGrant[] = [
  { type: "r2", binding: "FILES", prefix: "", access: "write" },
  { type: "kv", binding: "NAMES", prefix: "", access: "write" },
  { type: "do", binding: "ROOMS", prefix: "", access: "write" },
];

export async function ask(
  method: string,
  url: string,
  init: RequestInit = {},
  grants: readonly BindingGrant[] = ALL,
  bindings: Env = env,
): Promise<Response> {
  return await serveBinding(new Request(url, { method, ...init }), CALLER, grants, bindings);
}

/** Asks one of the hosts with all that is granted. */
export const at =
  (host: string, grants: readonly BindingGrant[] = ALL) =>
  async (method: string, path: string, headers: Record<string, string> = {}, body?: BodyInit) =>
    await ask(
      method,
      `http://${host}.gantry.internal${path}`,
      { headers, ...(body === undefined ? {} : { body }) },
      grants,
    );

export async function refusal(response: Response): Promise<{ status: number } & ReturnType<typeof domainError>> {
  return { status: response.status, ...domainError(await response.json<Envelope>()) };
}

/** Bytes that differ from place to place, in chunks, made as they are asked for. */
export function bytesInChunks(
  total: number,
  chunk: number,
  breakAt = Number.POSITIVE_INFINITY,
): { body: ReadableStream<Uint8Array>; made: () => number } {
  let made = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (made >= breakAt) throw new Error("the container is gone");
        if (made >= total) {
          controller.close();
          return;
        }
        const bytes = patternAt(made, Math.min(chunk, total - made));
        made += bytes.byteLength;
        controller.enqueue(bytes);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, made: () => made };
}

/** The same for each place, whatever the chunks. */
function patternAt(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) {
    const place = from + index;
    bytes[index] = (place ^ (place >>> 8) ^ (place >>> 16)) & 0xff;
  }
  return bytes;
}

/** How many bytes of the pattern a body has; throws at the first that is not of it. */
export async function patternLength(body: ReadableStream<Uint8Array> | null): Promise<number> {
  let read = 0;
  for await (const chunk of body ?? []) {
    const expected = patternAt(read, chunk.byteLength);
    if (!chunk.every((byte, index) => byte === expected[index])) throw new Error(`another byte after ${read}`);
    read += chunk.byteLength;
  }
  return read;
}
