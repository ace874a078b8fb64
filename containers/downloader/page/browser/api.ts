/** Requests to the server of this page, and what it says where it does not do them. */
import { asList, asNumber, asRecord, asText } from "./shapes.ts";

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

/** How many bytes a download has, if that is known before; without it being sent. */
export async function sizeOf(path: string, signal: AbortSignal): Promise<number | undefined> {
  const head = await answerOf(path, { method: "HEAD", signal });
  if (head.ok) {
    const length = head.headers.get("content-length");
    return length === null ? undefined : Number(length);
  }
  // An answer to HEAD has no body that could say why.
  const stop = new AbortController();
  const answer = await answerOf(path, { signal: AbortSignal.any([signal, stop.signal]) });
  if (!answer.ok) throw await errorOf(answer);
  const length = answer.headers.get("content-length");
  stop.abort();
  return length === null ? undefined : Number(length);
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

async function errorOf(answer: Response): Promise<ApiError> {
  const body = asRecord(await answer.json().catch(() => null));
  const error = asRecord(body["error"]);
  const platforms = asList(error["platforms"] ?? body["platforms"]).flatMap((one) => asText(one) ?? []);
  const retryAfter =
    asNumber(error["retry_after"]) ?? asNumber(Number(answer.headers.get("retry-after") ?? Number.NaN));
  const message = asText(error["message"]) ?? asText(body["message"]) ?? "";
  return new ApiError(answer.status, asText(error["code"]) ?? "", message, platforms, retryAfter);
}
