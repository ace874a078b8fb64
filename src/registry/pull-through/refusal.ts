/** What a registry client is told when the registry behind a prefix gives nothing, and there is no copy. */
import { OciError, type OciErrorCode } from "../oci/oci-error.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";

const BAD_GATEWAY = 502;

/** `unknown`: the code of what was asked for. */
export function refusalOf(failure: UpstreamFailure, unknown: OciErrorCode): OciError {
  const { message } = failure;
  switch (failure.code) {
    case "NOT_FOUND":
      return new OciError(unknown, message);
    case "UNAUTHORIZED":
      return new OciError("DENIED", `${message}: see the registry's credentials in this account`);
    case "RATE_LIMITED": {
      const headers = failure.retryAfter === null ? {} : { "retry-after": String(failure.retryAfter) };
      return new OciError("TOOMANYREQUESTS", message, { headers });
    }
    case "UNREACHABLE":
    case "INVALID":
      return new OciError(unknown, message, { status: BAD_GATEWAY });
  }
}

/** As the specification has it: code 299, nobody's name, and a text. */
export function warningOf({ message }: UpstreamFailure): string {
  const text = `this is the copy that is here: ${message}`.replaceAll(/[^\x20-\x7e]/g, "?");
  return `299 - "${text.replaceAll(/["\\]/g, "'").slice(0, 400)}"`;
}
