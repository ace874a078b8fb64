/** An image, an index or an index of indexes of a layout, pushed as it is: skopeo pushes no index that is within another. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { OciLayout } from "../oci-layout.ts";

const descriptor = z.looseObject({ mediaType: z.string(), digest: z.string() });
const content = z.object({
  manifests: z.array(descriptor).default([]),
  config: descriptor.optional(),
  layers: z.array(descriptor).default([]),
});

export interface PushTarget {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly repository: string;
  /** Where it asks for one. */
  readonly token?: string;
}

/** `as`: a tag, or the digest itself. */
export async function pushTree(
  layout: OciLayout,
  { mediaType, digest }: { readonly mediaType: string; readonly digest: string },
  target: PushTarget,
  as = digest,
): Promise<void> {
  const bytes = await bytesOf(layout, digest);
  const { manifests, config, layers } = content.parse(JSON.parse(bytes.toString()));
  for (const each of manifests) await pushTree(layout, each, target);
  for (const each of config === undefined ? layers : [config, ...layers]) await pushBlob(layout, each.digest, target);
  await put(`${base(target)}/manifests/${as}`, bytes, mediaType, target);
}

async function pushBlob(layout: OciLayout, digest: string, target: PushTarget): Promise<void> {
  const there = await fetch(`${base(target)}/blobs/${digest}`, { method: "HEAD", headers: login(target) });
  if (there.ok) return;
  const started = await fetch(`${base(target)}/blobs/uploads/`, { method: "POST", headers: login(target) });
  const location = new URL(started.headers.get("location") ?? "", base(target));
  location.searchParams.set("digest", digest);
  await put(location.href, await bytesOf(layout, digest), "application/octet-stream", target);
}

async function put(url: string, body: Buffer, type: string, target: PushTarget): Promise<void> {
  const headers = { "content-type": type, ...login(target) };
  const answer = await fetch(url, { method: "PUT", headers, body: new Uint8Array(body) });
  if (answer.status !== 201) throw new Error(`not pushed: ${answer.status} ${await answer.text()}`);
}

const login = ({ token }: PushTarget): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

const base = ({ host, repository }: PushTarget) => `http://${host}/v2/${repository}`;

async function bytesOf({ folder }: OciLayout, digest: string): Promise<Buffer> {
  return await readFile(join(folder, "blobs/sha256", digest.slice("sha256:".length)));
}
