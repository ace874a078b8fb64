/** Calls the control plane as a client does, through the Worker's own fetch handler. */
import { env, exports } from "cloudflare:workers";
import { vi } from "vitest";

export const ACCOUNT_ID = "00000000000000000000000000000001";
const BASE = `http://control.test/client/v4/accounts/${ACCOUNT_ID}/containers`;

export interface Envelope {
  readonly success: boolean;
  // What a test reads of an answer is what it asserts about it.
  // oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
  readonly result: any;
  readonly errors: {
    code: number;
    message: string;
    error?: string;
    details?: Record<string, unknown>;
    retryable?: boolean;
  }[];
  readonly result_info?: { next_page_token?: string; count: number };
}

export async function raw(method: string, path: string, body?: BodyInit, headers: Record<string, string> = {}) {
  const url = path.startsWith("http") ? path : `${BASE}${path}`;
  return await exports.default.fetch(
    new Request(url, {
      method,
      headers: { authorization: "Bearer test-token", ...headers },
      ...(body === undefined ? {} : { body }),
    }),
  );
}

export async function call(method: string, path: string, body?: unknown): Promise<Envelope & { status: number }> {
  const response = await raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
    "content-type": "application/json",
  });
  return { ...(await response.json<Envelope>()), status: response.status };
}

/** The domain error inside the envelope. */
export function domainError(envelope: Envelope): {
  error: string;
  details: Record<string, unknown>;
  message: string;
  retryable: boolean;
} {
  const { error = "", details = {}, message = "", retryable = false } = envelope.errors[0] ?? {};
  return { error, details, message: sentenceOf(message), retryable };
}

/** Cloudflare's clients get a domain error as JSON in the message; of some routes they show the message as it is. */
function sentenceOf(message: string): string {
  return message.startsWith("{") ? (JSON.parse(message) as { message: string }).message : message;
}

export async function createApplication(
  body: Record<string, unknown> = {},
  image = "hello-world",
): Promise<{ id: string; name: string }> {
  const name = `app-${crypto.randomUUID().slice(0, 8)}`;
  const { result, status, errors } = await call("POST", "/applications", {
    name,
    instances: 1,
    configuration: { image },
    ...body,
  });
  if (status !== 201) throw new Error(`not created: ${JSON.stringify(errors)}`);
  return { id: result.id, name: result.name };
}

export interface WireInstance {
  id: string;
  name: string;
  ready: boolean;
  generation: number;
  version: number;
  deployment_id: string;
  failures: number;
  losses: number;
  status: { state: string; exit_code?: number; reason?: string };
  checks: { name: string; state: string; detail: string | null }[];
}

export async function instancesOf(id: string): Promise<WireInstance[]> {
  return (await call("GET", `/applications/${id}/instances-v2`)).result;
}

export async function eventsOf(
  id: string,
): Promise<{ name: string; type: string; message: string; details: Record<string, unknown> }[]> {
  return (await call("GET", `/applications/${id}/events?per_page=1000`)).result;
}

/** Polls until `probe` returns something, with a deadline that is long beside what it waits for. */
export async function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  return await vi.waitFor(
    async () => {
      const value = await probe();
      if (value === undefined || value === false) throw new Error("not yet");
      return value;
    },
    { timeout: 15_000, interval: 20 },
  );
}

export async function untilReady(id: string, count: number): Promise<WireInstance[]> {
  return await eventually(async () => {
    const instances = await instancesOf(id);
    return instances.length === count && instances.every(({ ready }) => ready) && instances;
  });
}

export const testEnv = env;
