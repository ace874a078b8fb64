/**
 * What browsers are told about every answer of the control plane: a person may work in a page of this origin with a token,
 * so no other page frames it, holds its window, loads it as a part of itself, or learns its address.
 */
const HEADERS = {
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "origin-agent-cluster": "?1",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/** For what is no page; a page brings its own. */
const POLICY = "default-src 'none'; frame-ancestors 'none'";

export function protect(headers: Headers): void {
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", POLICY);
}
