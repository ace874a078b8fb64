/** References as people write them, and the names that archives carry for the image. The grammar is the registry's own. */
import {
  DOCKER_HUB,
  formatReference,
  parseImageReference,
  type ImageReference,
} from "../../../src/registry/oci/image-reference.ts";
import { DownloadError } from "../errors.ts";

export { formatReference, type ImageReference };

const MAX_LENGTH = 1_024;

/** Throws `INVALID_REFERENCE`. */
export function readReference(text: string): ImageReference {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) throw new DownloadError("INVALID_REFERENCE", "the name of the image is too long");
  const parsed = parseImageReference(trimmed);
  if (!parsed.ok) throw new DownloadError("INVALID_REFERENCE", parsed.reason, { image: trimmed.slice(0, 200) });
  return parsed.reference;
}

/** As `docker images` shows it: `ubuntu:22.04`. Null for an image by digest, which no tag stands for. */
export function repoTagOf(reference: ImageReference): string | null {
  const { tag, digest } = reference;
  return digest !== null || tag === null ? null : `${familiarName(reference)}:${tag}`;
}

/** What a registry is asked for. */
export function targetOf({ tag, digest }: ImageReference): string {
  return digest ?? tag ?? "latest";
}

/** `ubuntu`, `team/web`, `ghcr.io/team/web`. */
export function familiarName({ domain, repository }: ImageReference): string {
  if (domain !== DOCKER_HUB) return `${domain}/${repository}`;
  return /^library\/[^/]+$/.test(repository) ? repository.slice("library/".length) : repository;
}

/** `ubuntu_22.04.tar`: of characters that mean nothing to any file system. */
export function fileNameOf(references: readonly ImageReference[]): string {
  const [first] = references;
  if (first === undefined) return "images.tar";
  const { tag, digest } = first;
  const version = tag ?? digest?.replace(":", "-").slice(0, 19) ?? "latest";
  const more = references.length === 1 ? "" : `_and_${references.length - 1}_more`;
  return `${`${familiarName(first)}_${version}`.replaceAll(/[^A-Za-z0-9._-]+/g, "_").slice(0, 200)}${more}.tar`;
}
