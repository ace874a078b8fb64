/** Pushing to the managed registry: blobs that it has not got yet, then the manifest. */
import { isDigest, type Digest } from "../oci/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { basicHeader, type Login } from "../upstream/tokens.ts";
import { MANIFEST_TYPES } from "../upstream/manifests.ts";
import { ImageFailure } from "./progress.ts";

export interface PushTarget {
  /** `https://registry.cloudflare.com`. */
  readonly origin: string;
  readonly repository: string;
  readonly login: Login;
}

export async function hasBlob(target: PushTarget, digest: Digest): Promise<boolean> {
  const answer = await ask(target, "HEAD", `/v2/${target.repository}/blobs/${digest}`);
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  throw await refused(answer, `HEAD of blob ${digest}`);
}

/** What a tag stands for there; null where there is no such image. */
export async function digestThere(target: PushTarget, reference: string): Promise<Digest | null> {
  const accept = MANIFEST_TYPES.join(", ");
  const answer = await ask(target, "HEAD", `/v2/${target.repository}/manifests/${reference}`, { accept });
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw await refused(answer, `HEAD of ${reference}`);
  const digest = answer.headers.get("docker-content-digest") ?? "";
  if (!isDigest(digest)) throw failed(`${target.origin} does not say the digest of ${reference}`, false);
  return digest;
}

/** As docker does it: one upload, its bytes in one stream, and the digest at its end, which the registry checks. */
export async function pushBlob(
  target: PushTarget,
  { digest, size }: Descriptor,
  body: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const begun = await ask(target, "POST", `/v2/${target.repository}/blobs/uploads/`, { "content-length": "0" });
  if (begun.status !== 202) {
    await body.cancel();
    throw await refused(begun, "the beginning of an upload");
  }
  const counted = new FixedLengthStream(size);
  const sent = body.pipeThrough(counting(onBytes)).pipeTo(counted.writable);
  const headers = { "content-type": "application/octet-stream" };
  const written = await Promise.all([
    ask(target, "PATCH", locationOf(begun, target), headers, counted.readable),
    sent,
  ]).then(([answer]) => answer);
  if (written.status !== 202) throw await refused(written, `the bytes of blob ${digest}`);
  const end = new URL(locationOf(written, target), target.origin);
  end.searchParams.set("digest", digest);
  const ended = await ask(target, "PUT", end.href, { "content-length": "0" });
  if (ended.status !== 201) throw await refused(ended, `the end of blob ${digest}`);
  await ended.body?.cancel();
}

export async function pushManifest(
  target: PushTarget,
  tag: string,
  { bytes, mediaType }: { readonly bytes: Uint8Array<ArrayBuffer>; readonly mediaType: string },
): Promise<void> {
  const path = `/v2/${target.repository}/manifests/${tag}`;
  const answer = await ask(target, "PUT", path, { "content-type": mediaType }, bytes);
  if (answer.status !== 201) throw await refused(answer, `manifest ${tag}`);
  await answer.body?.cancel();
}

export async function deleteManifest(target: PushTarget, tag: string): Promise<void> {
  const answer = await ask(target, "DELETE", `/v2/${target.repository}/manifests/${tag}`);
  if (![200, 202, 404].includes(answer.status)) throw await refused(answer, `the deletion of ${tag}`);
  await answer.body?.cancel();
}

/** Never to another host than the registry's own: the login goes with it. */
async function ask(
  { origin, login }: PushTarget,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: BodyInit,
): Promise<Response> {
  const url = new URL(path, origin);
  if (url.origin !== origin) throw failed(`${origin} leads to ${url.origin}, where nothing is pushed`, false);
  try {
    return await fetch(url, {
      method,
      headers: { ...headers, authorization: basicHeader(login) },
      redirect: "manual",
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw failed(`${origin} does not answer: ${String(error)}`, true);
  }
}

function locationOf({ headers }: Response, { origin }: PushTarget): string {
  const location = headers.get("location");
  if (location === null) throw failed(`${origin} does not say where an upload goes on`, true);
  return location;
}

async function refused(answer: Response, what: string): Promise<ImageFailure> {
  const text = (await answer.text().catch(() => "")).slice(0, 300);
  return failed(`the managed registry answered ${answer.status} to ${what}: ${text}`, answer.status !== 403);
}

function failed(reason: string, isPassing: boolean): ImageFailure {
  return new ImageFailure(reason, { isPassing });
}

function counting(onBytes: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      onBytes(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
}
