/** Configs: blobs that are read as a whole, and are not large. */
import { joined } from "../../../src/encoding.ts";
import { UpstreamError } from "../../../src/registry/upstream/failure.ts";
import { DownloadError } from "../errors.ts";
import { downloadError } from "./failures.ts";
import type { Registry, RegistryBlobRequest } from "./registries.ts";

/** It is in memory for as long as its archive is sent. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Not verified. */
export async function readSmallBlob(
  registry: Registry,
  request: RegistryBlobRequest,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.size > MAX_BYTES) {
    throw new DownloadError("NOT_AN_IMAGE", `${name} has a config of ${request.size} bytes`, { image: name });
  }
  const { body } = await registry.blob(request, new AbortController().signal);
  const parts: Uint8Array[] = [];
  try {
    // The length is checked by the client: it is the descriptor's.
    for await (const part of body) parts.push(part);
  } catch (error) {
    if (error instanceof UpstreamError) throw downloadError(error.failure, name);
    throw error;
  }
  return joined(...parts);
}
