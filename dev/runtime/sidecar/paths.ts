/**
 * What the sidecar's image and the program in it agree on.
 */

/** Fixed in workerd, which also passes it on the command line. */
export const INGRESS_PORT = 39_001;

export const SIDECAR_FOLDER = "/sidecar";

export const AUTHORITY_FILES = {
  certificate: `${SIDECAR_FOLDER}/ca.crt`,
  key: `${SIDECAR_FOLDER}/ca.key`,
  leafKey: `${SIDECAR_FOLDER}/leaf.key`,
} as const;
