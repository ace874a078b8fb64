/**
 * One call of Cloudflare's API: bearer token, envelope, retries, and errors that name the call and what Cloudflare said.
 * Small on purpose: the official SDK would add 120 MB for nine calls, does not page R2 or Queues, and takes a 200 with
 * `success: false` for success.
 */
import * as z from "zod";

export interface Account {
  readonly token: string;
  readonly accountId: string;
  readonly baseUrl: string;
  /** Passed in so that tests of the back-off do not wait. */
  readonly wait: (ms: number) => Promise<void>;
}

export interface Call {
  readonly method: "GET" | "POST";
  /** Below /accounts/{account_id}. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The token permission that the call takes, named when it is refused. */
  readonly permission: string;
}

const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 500;
/** Cloudflare's limit is counted over five minutes: a longer wait than this is better left to the person. */
const MAX_BACKOFF_MS = 30_000;

const resultInfo = z.looseObject({
  page: z.number().optional(),
  per_page: z.number().optional(),
  total_count: z.number().optional(),
  total_pages: z.number().optional(),
  next_page_token: z.string().nullish(),
});
const envelope = z.looseObject({
  success: z.boolean(),
  errors: z.array(z.looseObject({ code: z.union([z.number(), z.string()]).optional(), message: z.string() })).nullish(),
  result: z.unknown(),
  result_info: resultInfo.nullish(),
});

export type ResultInfo = z.infer<typeof resultInfo>;

export interface Answer<T> {
  readonly result: T;
  readonly info: ResultInfo;
}

/** Thrown for whatever Cloudflare did not answer with success. `code` is Cloudflare's own, 0 where it gave none. */
export class CloudflareError extends Error {
  override readonly name = "CloudflareError";
  readonly status: number;
  readonly code: number;

  constructor(call: Call, status: number, code: number, message: string, options?: ErrorOptions) {
    super(`${describe(call)} failed: ${message} [status ${status}, code ${code}]${hintOf(call, status)}`, options);
    this.status = status;
    this.code = code;
  }
}

export async function callCloudflare<T>(account: Account, call: Call, resultSchema: z.ZodType<T>): Promise<Answer<T>> {
  const response = await send(account, call);
  const answer = envelope.safeParse(await response.json().catch(() => undefined));
  if (!answer.success) {
    throw new CloudflareError(call, response.status, 0, `an answer without Cloudflare's envelope`);
  }
  if (!response.ok || !answer.data.success) {
    const first = answer.data.errors?.[0];
    throw new CloudflareError(call, response.status, Number(first?.code ?? 0), first?.message ?? "no reason given");
  }
  const result = resultSchema.safeParse(answer.data.result ?? {});
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new CloudflareError(call, response.status, 0, `an unexpected result at "${issue?.path.join(".") ?? ""}"`);
  }
  return { result: result.data, info: answer.data.result_info ?? {} };
}

/** Every create here is idempotent by name, so that repeating one whose answer was lost does no harm. */
async function send(account: Account, call: Call): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    let response: Response | undefined;
    try {
      response = await fetch(urlOf(account, call), {
        method: call.method,
        headers: {
          authorization: `Bearer ${account.token}`,
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
          ...call.headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      if (response.status !== 429 && response.status < 500) return response;
      if (attempt === MAX_ATTEMPTS) return response;
    } catch (error) {
      if (attempt === MAX_ATTEMPTS) throw unreachable(call, error);
    }
    await response?.body?.cancel();
    await account.wait(backoff(attempt, response?.headers.get("retry-after") ?? null));
  }
}

export function backoff(attempt: number, retryAfter: string | null, random = Math.random()): number {
  const asked = Number(retryAfter);
  const doubled = FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + random / 2);
  return Math.min(MAX_BACKOFF_MS, Math.max(doubled, Number.isFinite(asked) ? asked * 1000 : 0));
}

function unreachable(call: Call, error: unknown): CloudflareError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new CloudflareError(call, 0, 0, cause instanceof Error ? cause.message : String(cause), { cause: error });
}

function urlOf(account: Account, call: Call): string {
  const query = new URLSearchParams(call.query).toString();
  return `${account.baseUrl}/accounts/${account.accountId}${call.path}${query === "" ? "" : `?${query}`}`;
}

function hintOf(call: Call, status: number): string {
  if (status === 401) return "; the API token is wrong, revoked or expired";
  if (status === 403) return `; the API token needs the account permission "${call.permission}"`;
  return "";
}

function describe(call: Call): string {
  return `${call.method} ${call.path}`;
}
