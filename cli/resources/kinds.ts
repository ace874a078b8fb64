/** The kinds of resources, and what stands in their place in a manifest by mistake. */

export const KINDS = [
  "account",
  "secret",
  "ssh-key",
  "registry",
  "protocol",
  "application",
  "deployment",
  "rollout",
  "schedule",
  "job",
] as const;
export type Kind = (typeof KINDS)[number];

/** What a reference may read without declaring it. */
export const LOOK_UPS = ["placement", "ip", "credentials"] as const;
export type LookUp = (typeof LOOK_UPS)[number];

export const REFUSED: Readonly<Record<string, string>> = {
  egress: "is not there yet: this control plane has no egress policies",
  placement: 'is looked up and not declared: refer to it as { ref: "placement/<deployment>" }',
  ip: 'is looked up and not declared: refer to it as { ref: "ip/<deployment>" }',
  credentials: 'is looked up and not declared: refer to it as { ref: "credentials/<domain>", field: "password" }',
  ssh_key: "is written ssh-key",
  "ssh-public-key": "is written ssh-key",
};

/** Of these it is kept whose they are. The others are never deleted. */
export const OWNED_KINDS = [
  "application",
  "deployment",
  "secret",
  "ssh-key",
  "registry",
  "protocol",
  "schedule",
] as const;
export type OwnedKind = (typeof OWNED_KINDS)[number];

export function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text);
}

export function isLookUp(text: string): text is LookUp {
  return (LOOK_UPS as readonly string[]).includes(text);
}

export function isOwned(kind: Kind): kind is OwnedKind {
  return (OWNED_KINDS as readonly string[]).includes(kind);
}

/** What is an application's: several of them may have one of the same name. */
export function isPart(kind: string): kind is "schedule" | "job" {
  return kind === "schedule" || kind === "job";
}

/** Users go before what they use. */
export function deletionRank(kind: Kind): number {
  return KINDS.length - KINDS.indexOf(kind);
}
