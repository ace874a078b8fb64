/** An image in the account's own registry, for what is about repositories, tags and manifests. */
import { createHash } from "node:crypto";
import type { Sent } from "./client.ts";
import type { Operation } from "./document.ts";
import type { StagedSent } from "./stages-ssh.ts";

const OF_IMAGE = /\/images\/\{repository\}/;
const CONFIG = "application/vnd.oci.image.config.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const REPOSITORY = "staged/web";
const TAG = "v1";

export interface ImageStage {
  readonly accountId: string;
  readonly token: string;
  readonly exchange: (sent: Sent) => Promise<unknown>;
}

/** Null: it is about no image. */
export async function stagedForImages(
  { method, path }: Operation,
  { accountId, token, exchange }: ImageStage,
): Promise<StagedSent | null> {
  if (!OF_IMAGE.test(path)) return null;
  const login = `Basic ${btoa(`operator:${token}`)}`;
  const push = async (verb: string, target: string, body: string, type: string) => {
    const headers = { authorization: login, "content-type": type };
    await exchange({ method: verb, target: `/v2/${accountId}/${REPOSITORY}/${target}`, headers, body });
  };
  const config = "{}";
  const digest = digestOf(config);
  await push("POST", `blobs/uploads/?digest=${digest}`, config, "application/octet-stream");
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest, size: config.length },
    layers: [],
  });
  await push("PUT", `manifests/${TAG}`, manifest, MANIFEST);
  const target = path
    .replace("{account_id}", accountId)
    .replace("{repository}", encodeURIComponent(REPOSITORY))
    .replace("{tag}", TAG)
    .replace("{digest}", digestOf(manifest));
  const headers = { authorization: `Bearer ${token}` };
  if (method !== "PATCH") return { method, target, headers };
  const value = { is_public: true };
  const json = { ...headers, "content-type": "application/json" };
  return { method, target, headers: json, body: JSON.stringify(value), value };
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
