/**
 * Blobs of another registry: what is not here goes to the client and into R2 at the same time. A client that leaves does
 * not spoil the copy; and what turns out to have another digest is neither stored nor completed towards the client.
 */
import { importBlob } from "../blobs/import.ts";
import type { Digest } from "../oci/digest.ts";
import { registryFor } from "../registry-for.ts";
import type { UpstreamBlob } from "../upstream/blobs.ts";
import { UpstreamError, upstreamError, type UpstreamFailure } from "../upstream/failure.ts";
import { verified } from "../upstream/verified.ts";
import type { PullThroughCall } from "./manifests.ts";
import { refusalOf } from "./refusal.ts";
import { placeOf } from "./sources.ts";

export interface BlobCall extends PullThroughCall {
  readonly request: Request;
  readonly ctx: ExecutionContext;
}

export type PulledBlob =
  /** Its bytes are on their way; null for a HEAD. */
  | { readonly state: "passing"; readonly size: number; readonly body: ReadableStream | null }
  /** It is in the index now. */
  | { readonly state: "stored" }
  /** An ordinary repository, or none such upstream. */
  | { readonly state: "unknown" };

/** For a blob that the index does not have. Throws `OciError`. */
export async function pulledBlob(call: BlobCall, digest: Digest): Promise<PulledBlob> {
  const { env, accountId, repository, request } = call;
  const place = await placeOf(env, accountId, repository);
  if (place === null) return { state: "unknown" };
  const upstream = registryFor(env, accountId, place.source.domain);
  if (typeof upstream === "string") throw refusalOf({ code: "UNREACHABLE", message: upstream }, "BLOB_UNKNOWN");
  if (request.method === "HEAD") {
    const head = await upstream.headBlob(place.repository, digest);
    if (!head.ok) return refused(head.failure);
    if (head.value.size !== null) return { state: "passing", size: head.value.size, body: null };
  }
  const answer = await upstream.blob({ repository: place.repository, digest });
  if (!answer.ok) return refused(answer.failure);
  const blob = answer.value;
  // A part cannot be verified without the rest, and what has no length cannot be cut off where it is wrong.
  const isWhole = blob.size !== null && request.method === "GET" && request.headers.get("range") === null;
  if (!isWhole) {
    await storeFirst(call, digest, blob);
    return { state: "stored" };
  }
  const size = blob.size ?? 0;
  const toClient = new FixedLengthStream(size);
  const toStore = new FixedLengthStream(size);
  const stored = importBlob(env, accountId, repository, { digest, size }, toStore.readable);
  const work = passOn(verified(blob.body, digest), [toClient.writable.getWriter(), toStore.writable.getWriter()]);
  call.ctx.waitUntil(report(call, digest, Promise.all([work, stored])));
  return { state: "passing", size, body: toClient.readable };
}

function refused(failure: UpstreamFailure): PulledBlob {
  if (failure.code === "NOT_FOUND") return { state: "unknown" };
  throw refusalOf(failure, "BLOB_UNKNOWN");
}

async function storeFirst({ env, accountId, repository }: BlobCall, digest: Digest, blob: UpstreamBlob): Promise<void> {
  const described = { digest, size: blob.size };
  const stored = await importBlob(env, accountId, repository, described, verified(blob.body, digest));
  if (stored.imported) return;
  throw refusalOf({ code: "INVALID", message: stored.reason }, "BLOB_UNKNOWN");
}

type Writer = WritableStreamDefaultWriter<Uint8Array>;

/** To all who still take it, at the pace of the slowest. What breaks upstream breaks for all. */
async function passOn(body: ReadableStream<Uint8Array>, writers: readonly Writer[]): Promise<void> {
  const takers = new Set(writers);
  for (const writer of writers) writer.closed.catch(() => undefined);
  const all = async (act: (writer: Writer) => Promise<void>): Promise<void> => {
    await Promise.all(
      [...takers].map(async (writer) => {
        await act(writer).catch(() => takers.delete(writer));
      }),
    );
  };
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await all(async (writer) => await writer.write(value));
      if (takers.size > 0) continue;
      await reader.cancel("nobody takes it").catch(() => undefined);
      return;
    }
    await all(async (writer) => await writer.close());
  } catch (error) {
    await all(async (writer) => await writer.abort(error));
    throw error;
  }
}

async function report(call: BlobCall, digest: Digest, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const { accountId, repository } = call;
    const failure =
      error instanceof UpstreamError ? error.failure : upstreamError("UNREACHABLE", String(error)).failure;
    const { code, message: reason } = failure;
    console.warn({ message: "registry.pull-through.failed", accountId, repository, reference: digest, code, reason });
  }
}
