/** What an upstream registry did not give, and why: one closed set for whoever asks it. */

export type UpstreamFailure =
  /** It answers, and has no such thing. */
  | { readonly code: "NOT_FOUND"; readonly message: string }
  /** It refuses the credentials, or wants some. Some registries say so also of what they do not have. */
  | { readonly code: "UNAUTHORIZED"; readonly message: string }
  /** Seconds; null where it does not say. */
  | { readonly code: "RATE_LIMITED"; readonly message: string; readonly retryAfter: number | null }
  /** Nothing answers, or only errors of its own. */
  | { readonly code: "UNREACHABLE"; readonly message: string }
  /** It answers what no registry may, or leads to where nobody should be led. */
  | { readonly code: "INVALID"; readonly message: string };

export type UpstreamAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: UpstreamFailure };

/** How a failure travels inside; streams of blobs end with it. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

export function upstreamError(code: Exclude<UpstreamFailure["code"], "RATE_LIMITED">, message: string): UpstreamError {
  return new UpstreamError({ code, message });
}

export async function answered<T>(work: () => Promise<T>): Promise<UpstreamAnswer<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof UpstreamError) return { ok: false, failure: error.failure };
    throw error;
  }
}
