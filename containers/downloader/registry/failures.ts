/** What a registry did not give, as whoever asked for an archive is told. */
import type { UpstreamAnswer, UpstreamFailure } from "../../../src/registry/upstream/failure.ts";
import { DownloadError } from "../errors.ts";

export function valueOf<T>(answer: UpstreamAnswer<T>, image: string): T {
  if (answer.ok) return answer.value;
  throw downloadError(answer.failure, image);
}

export function downloadError(failure: UpstreamFailure, image: string): DownloadError {
  const { message } = failure;
  switch (failure.code) {
    case "NOT_FOUND":
      return new DownloadError("IMAGE_NOT_FOUND", message, { image });
    case "UNAUTHORIZED":
      return new DownloadError("LOGIN_REQUIRED", message, { image });
    case "RATE_LIMITED":
      return new DownloadError("REGISTRY_LIMITED", message, { image, retryAfter: failure.retryAfter });
    case "UNREACHABLE":
      return new DownloadError("REGISTRY_UNREACHABLE", message, { image });
    case "INVALID":
      return new DownloadError("REGISTRY_INVALID", message, { image });
  }
}
