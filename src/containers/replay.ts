/**
 * Whether and how a request can be sent a second time. A body without end or of some size passes straight through and
 * is sent once; a small one is kept, so that an instance that refuses it costs the caller nothing.
 */

/** Larger bodies are streamed. */
export const REPLAY_BODY_BYTES = 65_536;

export interface Replay {
  /** The request for the next try. */
  next(): Request;
  readonly canResend: boolean;
  /** Safe to send again though it may have been delivered. */
  readonly isIdempotent: boolean;
}

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** It has no body, or one that is small and of known length. */
export function isReplayable({ body, headers }: Request): boolean {
  return body === null || Number(headers.get("content-length") ?? Number.NaN) <= REPLAY_BODY_BYTES;
}

export async function makeReplayable(request: Request): Promise<Replay> {
  const isIdempotent = IDEMPOTENT.has(request.method);
  if (request.body === null) return { next: () => request, canResend: true, isIdempotent };
  if (!isReplayable(request)) return { next: () => request, canResend: false, isIdempotent };
  const body = await request.arrayBuffer();
  return { next: () => new Request(request, { method: request.method, body }), canResend: true, isIdempotent };
}
