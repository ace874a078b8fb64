/**
 * On the platform: a copy in the managed registry, whose images it starts once they are prepared. Only the image for the
 * platform's own architecture is copied. What a crash has left there is not copied again.
 */
import { endpointOf } from "../upstream/domains.ts";
import type { ImageBackend } from "./backend.ts";
import { cloudflareAccess, managedLogin, untilPrepared, type CloudflareAccess } from "./cloudflare.ts";
import { formatPin } from "./pin.ts";
import { deleteManifest, digestThere, hasBlob, pushBlob, pushManifest, type PushTarget } from "./managed-push.ts";
import type { UpstreamDigest } from "./upstream.ts";
import { ImageFailure } from "./progress.ts";
import { runnable, sourceOf } from "./source.ts";
import { mayBePrivate } from "../registry-for.ts";

/** Of the repository that holds the copies of an account's images. */
const PREFIX = "gantry-";

/** Null where the operator has given no access to it. */
export function managedBackend(env: Env): ImageBackend | null {
  const access = cloudflareAccess(env);
  if (access === null) return null;
  return {
    make: async (pin, accountId, tell) => {
      if (pin.domain === access.registry) {
        tell({ state: "preparing" });
        await untilPrepared(access, formatPin(pin));
        return formatPin(pin);
      }
      const source = sourceOf(env, accountId, pin);
      const { stored, image } = await runnable(source, pin.digest);
      const target = await targetOf(env, access, copiesOf(access, accountId));
      const blobs = [...(image.config === null ? [] : [image.config]), ...image.layers];
      const total = blobs.reduce((sum, { size }) => sum + size, 0);
      let done = 0;
      const count = (bytes: number) => {
        done += bytes;
        tell({ state: "mirroring", percent: total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100)) });
      };
      count(0);
      for (const blob of blobs) {
        if (await hasBlob(target, blob.digest)) count(blob.size);
        else await pushBlob(target, blob, await source.blob(blob.digest, blob.size), count);
      }
      await pushManifest(target, tagOf(pin.digest), stored);
      tell({ state: "preparing" });
      const reference = `${access.registry}/${target.repository}@${stored.digest}`;
      await untilPrepared(access, reference);
      return reference;
    },
    drop: async (pin, accountId) => {
      // What was there before stays.
      if (pin.domain === access.registry) return;
      await deleteManifest(await targetOf(env, access, copiesOf(access, accountId)), tagOf(pin.digest));
    },
  };
}

/** Copies are found again by the digest that was pinned. */
function tagOf(digest: string): string {
  return digest.replace(":", "-").slice(0, 128);
}

function copiesOf(access: CloudflareAccess, accountId: string): string {
  return `${access.accountId}/${PREFIX}${accountId}`;
}

/** Whose copies a repository of the managed registry holds; null: no account's. The operator's access reads all of them. */
export function ownerOfCopies(repository: string): string | null {
  return new RegExp(`^[0-9a-f]{32}/${PREFIX}([0-9a-f]{32})(?:/|$)`).exec(repository)?.[1] ?? null;
}

/** What an image that is in the managed registry already is. */
export async function managedDigest(env: Env, repository: string, reference: string): Promise<UpstreamDigest> {
  const access = cloudflareAccess(env);
  try {
    if (access === null) throw new ImageFailure("there is no access to it", { isPassing: false });
    const digest = await digestThere(await targetOf(env, access, repository), reference);
    if (digest !== null) return { ok: true, digest };
    const reason = `${env.MANAGED_REGISTRY} has no image ${repository}, ${reference}: push it there, or mend the reference`;
    return { ok: false, code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", reason };
  } catch (error) {
    if (!(error instanceof ImageFailure)) throw error;
    return { ok: false, code: "IMAGE_REGISTRY_RETURNED_ERROR", reason: error.message };
  }
}

async function targetOf(env: Env, access: CloudflareAccess, repository: string): Promise<PushTarget> {
  const endpoint = endpointOf(access.registry, mayBePrivate(env));
  if (typeof endpoint === "string") throw new ImageFailure(endpoint, { isPassing: false });
  return { origin: endpoint.origin, repository, login: await managedLogin(access) };
}
