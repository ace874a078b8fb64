/** Whatever was thrown, as what a caller is told of it. What nobody has foreseen is told in the log alone. */
import type { ServerResponse } from "node:http";
import { DownloadError } from "../errors.ts";
import { Unreachable } from "../hub/client.ts";
import { ApiError } from "./api-error.ts";

/** It has gone in the middle of its request, or of the answer, which is no failure. */
export function isOfClient(error: unknown, { destroyed }: ServerResponse): boolean {
  if (!destroyed || !(error instanceof Error)) return false;
  const code = "code" in error ? error.code : null;
  return error.name === "AbortError" || code === "ABORT_ERR" || (code === "ECONNRESET" && error.message === "aborted");
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DownloadError) {
    const { platforms, image, retryAfter = null } = error.details;
    const fields = { ...(platforms === undefined ? {} : { platforms }), ...(image === undefined ? {} : { image }) };
    return new ApiError(error.status, error.code, error.message, { fields, retryAfter, cause: error });
  }
  if (error instanceof Unreachable) return new ApiError(503, "HUB_UNREACHABLE", error.message, { cause: error });
  console.error(
    JSON.stringify({
      level: "error",
      message: "downloader.failed",
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
  return new ApiError(500, "INTERNAL", "the downloader has failed: its log says why", { cause: error });
}
