/** Why an archive is not given: one closed set, with the status that each has. Texts hold no password and no token. */

const STATUS = {
  INVALID_REFERENCE: 400,
  INVALID_PLATFORM: 400,
  INVALID_REQUEST: 400,
  /** Wants a user and password, or other ones. Some registries say so also of what they do not have. */
  LOGIN_REQUIRED: 401,
  /** An address that is not asked from here. */
  REGISTRY_REFUSED: 403,
  IMAGE_NOT_FOUND: 404,
  PLATFORM_NOT_FOUND: 404,
  /** It is there, and is no image that an archive can be made of. */
  NOT_AN_IMAGE: 422,
  LAYER_UNAVAILABLE: 422,
  REGISTRY_LIMITED: 429,
  /** It answers what no registry may. */
  REGISTRY_INVALID: 502,
  REGISTRY_UNREACHABLE: 504,
} as const;

export type DownloadErrorCode = keyof typeof STATUS;

export interface DownloadErrorDetails {
  /** Of `PLATFORM_NOT_FOUND`: those that there are. */
  readonly platforms?: readonly string[];
  /** Seconds, where the registry says them. */
  readonly retryAfter?: number | null;
  /** The image that it is about. */
  readonly image?: string;
}

export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly code: DownloadErrorCode;
  readonly status: number;
  readonly details: DownloadErrorDetails;

  constructor(code: DownloadErrorCode, message: string, details: DownloadErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
    this.details = details;
  }
}
