/** Registries of others, asked what an image is when it is admitted. */
import type { ErrorCode } from "../../errors.ts";
import { withTimeout } from "../../with-timeout.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference, type ImageReference } from "../oci/image-reference.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";
import { registryFor } from "../registry-for.ts";

export type UpstreamDigest =
  | { readonly ok: true; readonly digest: Digest }
  | { readonly ok: false; readonly code: ErrorCode; readonly reason: string };

/** What a tag stands for now, or that a digest is there; within that time. */
export async function upstreamDigest(
  env: Env,
  accountId: string,
  reference: ImageReference,
  timeoutMs: number,
): Promise<UpstreamDigest> {
  const { domain, repository, tag, digest } = reference;
  const upstream = registryFor(env, accountId, domain, { headersMs: timeoutMs, tries: 1 });
  if (typeof upstream === "string") return { ok: false, code: "IMAGE_REGISTRY_NOT_CONFIGURED", reason: upstream };
  const written = formatReference(reference);
  try {
    // The manifest, and not only its head: its bytes prove the digest.
    const answer = await withTimeout(upstream.manifest(repository, digest ?? tag ?? ""), timeoutMs);
    if (answer.ok) return { ok: true, digest: answer.value.digest };
    return { ok: false, ...refusalOf(written, domain, answer.failure) };
  } catch (error) {
    return { ok: false, ...refusalOf(written, domain, { code: "UNREACHABLE", message: String(error) }) };
  }
}

function refusalOf(image: string, domain: string, { code, message }: UpstreamFailure) {
  switch (code) {
    case "NOT_FOUND": {
      const reason = `${domain} has no image ${image}: push it there, or mend the reference`;
      return { code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", reason } as const;
    }
    case "UNAUTHORIZED": {
      const reason = `${domain} does not give ${image} to this account, if it has it: configure the registry with POST /registries (${message})`;
      return { code: "IMAGE_REGISTRY_NOT_CONFIGURED", reason } as const;
    }
    case "RATE_LIMITED":
    case "UNREACHABLE":
    case "INVALID": {
      const reason = `${domain} did not say what ${image} is: ${message}; try again, or name another registry`;
      return { code: "IMAGE_REGISTRY_RETURNED_ERROR", reason } as const;
    }
  }
}
