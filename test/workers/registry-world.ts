/** Pushes as a client's requests make them, against the Registry object and R2. */
import { env } from "cloudflare:workers";
import type {
  BlobRecord,
  ManifestDraft,
  RegistryIndex,
  Segment,
  WriteTicket,
} from "../../src/registry/store/contract.ts";
import { digestOfBytes, type Digest } from "../../src/registry/oci/digest.ts";
import { registryStub } from "../../src/stubs.ts";

export const BUCKET: R2Bucket = env.REGISTRY_BLOBS;
const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

/** An account that nobody has used. */
export function newAccount() {
  const accountId = crypto.randomUUID().replaceAll("-", "");
  return { accountId, index: indexOf(accountId), stub: registryStub(env, accountId) };
}

/** Stubs break with their object: each call has one of its own, as each request has. */
export function indexOf(accountId: string): RegistryIndex {
  return new Proxy({} as RegistryIndex, {
    get:
      (_, name) =>
      async (...values: unknown[]): Promise<unknown> => {
        const stub = registryStub(env, accountId);
        return await (Reflect.get(stub, name) as (...args: unknown[]) => Promise<unknown>)(...values);
      },
  });
}

export async function digestOfText(text: string): Promise<Digest> {
  return await digestOfBytes("sha256", new TextEncoder().encode(text));
}

/** Takes a ticket; fails where the upload is gone. */
export async function begin(index: RegistryIndex, repository: string, id: string): Promise<WriteTicket> {
  const begun = await index.beginWrite(repository, id, null);
  if (!begun.begun) throw new Error(begun.reason);
  return begun.write;
}

/** Puts the parts as segments of one write. */
export async function putParts(write: WriteTicket, parts: readonly string[]): Promise<Segment[]> {
  return await Promise.all(
    parts.map(async (text, number) => {
      const key = `${write.prefix}${number}`;
      await BUCKET.put(key, text);
      return { key, size: new TextEncoder().encode(text).byteLength };
    }),
  );
}

export async function pushBlob(index: RegistryIndex, repository: string, ...parts: string[]): Promise<Digest> {
  const id = crypto.randomUUID();
  await index.startUpload(repository, id);
  const write = await begin(index, repository, id);
  const segments = await putParts(write, parts);
  await index.commitWrite(write.ticket, { replaced: 0, segments, hash: null });
  const digest = await digestOfText(parts.join(""));
  const record = await index.finishUpload(repository, id, write.ticket, digest);
  if (record === null) throw new Error("the upload is gone");
  return digest;
}

/** What R2 has of it, whole. */
export async function blobIn(record: BlobRecord | null): Promise<string | null> {
  if (record === null) return null;
  const parts = await Promise.all(record.segments.map(async ({ key }) => await (await BUCKET.get(key))?.text()));
  return parts.includes(undefined) ? null : parts.join("");
}

/** Keys of everything that R2 has of the account. */
export async function storedOf(accountId: string): Promise<string[]> {
  const { objects } = await BUCKET.list({ prefix: `${accountId}/` });
  return objects.map(({ key }) => key);
}

type Options = Partial<Omit<ManifestDraft, "repository" | "digest" | "bytes">> & {
  readonly annotations?: Readonly<Record<string, string>>;
  /** Makes bytes differ that name the same. */
  readonly salt?: string;
};

export async function draftOf(repository: string, options: Options): Promise<ManifestDraft> {
  const { annotations = {}, salt = "", ...given } = options;
  const { blobs = [], manifests = [], optional = [], subject = null } = given;
  const text = JSON.stringify({ salt, blobs, manifests, optional, subject, annotations });
  const bytes = new Uint8Array(new TextEncoder().encode(text));
  const mediaType = manifests.length > 0 ? INDEX : IMAGE;
  const common = { repository, digest: await digestOfText(text), mediaType, bytes, tags: [], artifactType: null };
  return { ...common, ...given, blobs, manifests, optional, subject };
}

export interface Pushed {
  readonly digest: Digest;
  readonly layers: readonly Digest[];
  readonly text: string;
}

export async function pushImage(
  index: RegistryIndex,
  repository: string,
  { layers, ...options }: Options & { readonly layers: readonly string[] },
): Promise<Pushed> {
  const blobs: Digest[] = [];
  for (const layer of layers) blobs.push(await pushBlob(index, repository, layer));
  const draft = await draftOf(repository, { ...options, blobs });
  const put = await index.putManifest(draft);
  if (!put.stored) throw new Error(`missing ${put.missing.join(", ")}`);
  return { digest: draft.digest, layers: blobs, text: new TextDecoder().decode(draft.bytes) };
}
