/**
 * Where things are inside the sidecar's image; `image.ts` puts them there.
 */

export const SIDECAR_FOLDER = "/sidecar";

export const AUTHORITY_FILES = {
  certificate: `${SIDECAR_FOLDER}/ca.crt`,
  key: `${SIDECAR_FOLDER}/ca.key`,
  leafKey: `${SIDECAR_FOLDER}/leaf.key`,
} as const;
