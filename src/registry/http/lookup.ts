/** Where what a client asks for is found. */
import type { Digest } from "../oci/digest.ts";
import { isDigest } from "../oci/digest.ts";
import { isTag } from "../oci/names.ts";
import { OciError } from "../oci/oci-error.ts";
import type { BlobRecord, StoredManifest } from "../store/contract.ts";
import { requireDigest, type RegistryCall } from "./call.ts";

export async function findBlob(call: RegistryCall, digest: Digest): Promise<BlobRecord | null> {
  const { index, repository, access, request } = call;
  // Who asks before a push leaves out what is there: it must not go before the manifest comes.
  return await index.blob(repository, digest, { hold: access.mayPush && request.method === "HEAD" });
}

export async function findManifest(call: RegistryCall, reference: string): Promise<StoredManifest | null> {
  // What has a colon was meant as a digest.
  if (reference.includes(":")) requireDigest(reference);
  else if (!isTag(reference)) return null;
  return await call.index.manifest(call.repository, reference);
}

export function unknownManifest({ name }: RegistryCall, reference: string): OciError {
  const shown = reference.slice(0, 200);
  const what = isDigest(reference) ? `manifest ${shown}` : `tag ${shown}`;
  return new OciError("MANIFEST_UNKNOWN", `${name} has no ${what}`, { detail: { name, reference: shown } });
}

export function unknownBlob({ name }: RegistryCall, digest: Digest): OciError {
  return new OciError("BLOB_UNKNOWN", `${name} has no blob ${digest}`, { detail: { name, digest } });
}
