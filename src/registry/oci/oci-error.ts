/**
 * What goes wrong with a request of a registry client, in the specification's closed set of codes. Whoever finds it throws;
 * `http/serve.ts` makes the answer of it.
 */

/** With the status that each has where nothing else is said. */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
} as const;

export type OciErrorCode = keyof typeof STATUS;

/** One of several things that are wrong: `detail` says of what. */
export interface OciProblem {
  readonly code: OciErrorCode;
  readonly message: string;
  readonly detail: unknown;
}

export interface OciErrorOptions {
  readonly status?: number;
  readonly detail?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class OciError extends Error {
  override readonly name = "OciError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problems: readonly OciProblem[];

  constructor(code: OciErrorCode, message: string, options: OciErrorOptions = {}, more: readonly OciProblem[] = []) {
    super(message);
    this.status = options.status ?? STATUS[code];
    this.headers = options.headers ?? {};
    this.problems = [{ code, message, detail: options.detail ?? null }, ...more];
  }
}
