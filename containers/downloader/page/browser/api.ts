/** Requests to the server of this page, and what it says where it does not do them. */
import { asNumber, asRecord, asText, texts } from "./shapes.ts";

export class ApiError extends Error {
  /** 0: there was no answer at all. */
  readonly status: number;
  readonly code: string;
  /** Those that the image has, where the one that was asked for is not among them. */
  readonly platforms: readonly string[];
  /** Seconds. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, message: string, platforms: readonly string[] = [], retryAfter?: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.platforms = platforms;
    this.retryAfter = retryAfter;
  }
}

export async function get(path: string, signal?: AbortSignal): Promise<unknown> {
  return await ask(path, signal === undefined ? {} : { signal });
}

export async function post(path: string, body: object, signal?: AbortSignal): Promise<unknown> {
  return await ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * How many bytes a download has, if that is known before. By its first byte, as an answer to HEAD has nothing in it that
 * could say why there is none.
 */
export async function sizeOf(path: string, signal: AbortSignal): Promise<number | undefined> {
  const stop = new AbortController();
  const answer = await answerOf(path, {
    headers: { range: "bytes=0-0" },
    cache: "no-store",
    signal: AbortSignal.any([signal, stop.signal]),
  });
  if (!answer.ok) throw await errorOf(answer);
  if (answer.status === 206) {
    await answer.arrayBuffer();
    return sizeIn(answer.headers.get("content-range"));
  }
  // Of what has no parts the whole is on its way.
  stop.abort();
  return sizeIn(answer.headers.get("content-length"));
}

/** `bytes 0-0/1234`, or the number alone. */
function sizeIn(header: string | null): number | undefined {
  const [, size] = /(?:^|\/)(\d+)$/.exec(header ?? "") ?? [];
  return size === undefined ? undefined : Number(size);
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  const answer = await answerOf(path, init);
  if (!answer.ok) throw await errorOf(answer);
  return await answer.json();
}

async function answerOf(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, "NETWORK", "no answer");
  }
}

/** An answer that has what there is, and why the rest is missing. */
export function partlyFailed(answer: unknown, name: string): ApiError | undefined {
  const error = asRecord(answer)[name];
  return error === undefined ? undefined : toError(200, error, Number.NaN);
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body = asRecord(await answer.json().catch(() => null));
  return toError(answer.status, body["error"], Number(answer.headers.get("retry-after") ?? Number.NaN));
}

const STATUS: Readonly<Record<string, number>> = {
  IMAGE_NOT_FOUND: 404,
  PLATFORM_NOT_FOUND: 404,
  REGISTRY_UNREACHABLE: 504,
};

function toError(status: number, value: unknown, retryAfter: number): ApiError {
  const error = asRecord(value);
  const code = asText(error["code"]) ?? "";
  return new ApiError(
    status === 200 ? (STATUS[code] ?? 422) : status,
    code,
    asText(error["message"]) ?? "",
    texts(error["platforms"]),
    asNumber(error["retry_after"]) ?? asNumber(retryAfter),
  );
}
