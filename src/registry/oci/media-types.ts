/** Media types of manifests and of what they name. */

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
/** Of a draft of the specification that some clients still push. */
export const OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

export type ManifestKind = "image" | "index" | "artifact";

const KINDS: Readonly<Record<string, ManifestKind>> = {
  [OCI_MANIFEST]: "image",
  [DOCKER_MANIFEST]: "image",
  [OCI_INDEX]: "index",
  [DOCKER_LIST]: "index",
  [OCI_ARTIFACT]: "artifact",
};

export const MANIFEST_TYPES = Object.keys(KINDS);

export function kindOf(mediaType: string): ManifestKind | null {
  return Object.hasOwn(KINDS, mediaType) ? (KINDS[mediaType] ?? null) : null;
}

export function isSchema1(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.docker.distribution.manifest.v1+");
}

const NON_DISTRIBUTABLE = [
  /^application\/vnd\.oci\.image\.layer\.nondistributable\.v1\.tar(?:\+(?:gzip|zstd))?$/,
  /^application\/vnd\.docker\.image\.rootfs\.foreign\.diff\.tar(?:\.gzip)?$/,
];

/** Layers that are elsewhere: a registry need not have them. */
export function isNonDistributable(mediaType: string): boolean {
  return NON_DISTRIBUTABLE.some((pattern) => pattern.test(mediaType));
}
