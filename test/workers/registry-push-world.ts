/** A registry client of a few lines: what tests of the registry's HTTP side send and read. */
import { digestOfBytes, type Digest, type DigestAlgorithm } from "../../src/registry/oci/digest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/registry/oci/media-types.ts";
import { raw, testEnv } from "./client.ts";

const LOGIN = { authorization: `Basic ${btoa("v1:test-token")}` };

export async function send(
  method: string,
  path: string,
  body?: BodyInit,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await raw(method, `http://control.test${path}`, body, { ...LOGIN, ...headers });
}

/** A repository that no other test knows. */
export function newRepository(): string {
  return `team/app-${crypto.randomUUID().slice(0, 8)}`;
}

export function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(size));
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, size)));
  return bytes;
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

export async function digestOf(bytes: Uint8Array<ArrayBuffer>, algorithm: DigestAlgorithm = "sha256"): Promise<Digest> {
  return await digestOfBytes(algorithm, bytes);
}

/** Its `Location`. */
export async function startUpload(repository: string, query = ""): Promise<string> {
  const response = await send("POST", `/v2/${repository}/blobs/uploads/${query}`);
  if (response.status !== 202) throw new Error(`no upload: ${response.status} ${await response.text()}`);
  return response.headers.get("location") ?? "";
}

export function closing(location: string, digest: Digest): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${digest}`;
}

export async function pushBlob(
  repository: string,
  bytes: Uint8Array<ArrayBuffer>,
  algorithm: DigestAlgorithm = "sha256",
): Promise<Digest> {
  const digest = await digestOf(bytes, algorithm);
  const location = await startUpload(repository);
  const response = await send("PUT", closing(location, digest), bytes);
  if (response.status !== 201) throw new Error(`not pushed: ${response.status} ${await response.text()}`);
  return digest;
}

export async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await response.arrayBuffer());
}

/** `404 BLOB_UNKNOWN`, or the status alone. */
export async function told(response: Response): Promise<string> {
  const text = await response.text();
  if (!text.startsWith('{"errors":')) return String(response.status);
  const { errors } = JSON.parse(text) as { errors: { code: string }[] };
  return `${response.status} ${errors.map(({ code }) => code).join(",")}`;
}

export interface Pushed {
  readonly digest: Digest;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function descriptor(mediaType: string, bytes: Uint8Array, digest: Digest) {
  return { mediaType, digest, size: bytes.byteLength };
}

/** Config and one layer, in the repository. */
export async function imageParts(repository: string) {
  const config = bytesOf(JSON.stringify({ architecture: "amd64", os: "linux", random: crypto.randomUUID() }));
  const layer = randomBytes(1_000);
  const configDigest = await pushBlob(repository, config);
  const layerDigest = await pushBlob(repository, layer);
  return {
    config: descriptor("application/vnd.oci.image.config.v1+json", config, configDigest),
    layer: descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer, layerDigest),
  };
}

export async function imageManifest(repository: string, more: Record<string, unknown> = {}): Promise<Pushed> {
  const { config, layer } = await imageParts(repository);
  const bytes = bytesOf(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer], ...more }),
  );
  return { bytes, digest: await digestOf(bytes) };
}

export async function putManifest(
  repository: string,
  reference: string,
  bytes: Uint8Array<ArrayBuffer>,
  type: string | null = OCI_MANIFEST,
): Promise<Response> {
  const headers: Record<string, string> = type === null ? {} : { "content-type": type };
  return await send("PUT", `/v2/${repository}/manifests/${reference}`, bytes, headers);
}

/** An image, and what its tag is of. */
export async function pushImage(repository: string, tag: string, more: Record<string, unknown> = {}): Promise<Pushed> {
  const image = await imageManifest(repository, more);
  const response = await putManifest(repository, tag, image.bytes);
  if (response.status !== 201) throw new Error(`not pushed: ${response.status} ${await response.text()}`);
  return image;
}

export function indexOf(manifests: readonly Pushed[], more: Record<string, unknown> = {}): Uint8Array<ArrayBuffer> {
  const entries = manifests.map(({ bytes, digest }) => descriptor(OCI_MANIFEST, bytes, digest));
  return bytesOf(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries, ...more }));
}

/** How many objects there are for blobs and uploads of all tests of this file. */
export async function storedKeys(): Promise<string[]> {
  const { objects } = await testEnv.REGISTRY_BLOBS.list();
  return objects.map(({ key }) => key);
}
