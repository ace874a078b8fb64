/**
 * What a deployed Gantry may need of an account: the one table that planning, printing, creating and the messages about
 * permissions read. Which rows an environment really uses follows from the bindings of its wrangler configuration.
 */
export type ResourceKind = "bucket" | "namespace" | "queue";

export interface Resource {
  readonly kind: ResourceKind;
  readonly name: string;
  /** R2 only: a bucket in a jurisdiction is another bucket than one of the same name outside it. */
  readonly jurisdiction?: string;
  /** The bindings (or the role) that made it needed, for the plan. */
  readonly usedAs: readonly string[];
}

export const RESOURCE_KINDS = {
  bucket: { label: "R2 bucket", permission: "Workers R2 Storage: Edit" },
  namespace: { label: "KV namespace", permission: "Workers KV Storage: Edit" },
  queue: { label: "queue", permission: "Queues: Edit" },
} as const satisfies Record<ResourceKind, { label: string; permission: string }>;

export const WORKER_PERMISSION = "Workers Scripts: Edit";
export const CONTAINERS_PERMISSION = "Workers Containers: Edit";

export const REQUIRED_PERMISSIONS: readonly string[] = [
  WORKER_PERMISSION,
  CONTAINERS_PERMISSION,
  ...Object.values(RESOURCE_KINDS).map(({ permission }) => permission),
];

export interface GeneratedSecret {
  readonly name: string;
  readonly purpose: string;
  /** Shown to whoever deploys, once; the others are for the Worker alone. */
  readonly shown: boolean;
}

/** Made at the first deployment, 256 bits each, and never overwritten afterwards. */
export const GENERATED_SECRETS: readonly GeneratedSecret[] = [
  { name: "GANTRY_ADMIN_TOKEN", purpose: "bearer token of the control API", shown: true },
  { name: "GANTRY_MASTER_KEY", purpose: "key that seals stored secrets", shown: false },
];
