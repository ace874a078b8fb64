/**
 * What an environment needs of its account, read off the bindings of its configuration. Adding a binding to
 * wrangler.jsonc is therefore all it takes to have the next deployment create what stands behind it.
 */
import type { Config } from "./config.ts";
import { derivedName } from "./environment.ts";
import { GENERATED_SECRETS, type Resource, type ResourceKind } from "./resources.ts";
import type { Variables } from "./options.ts";

/** Where the value of a secret comes from that the Worker does not have yet. */
export type SecretSource = "environment" | "generated" | "none";

export interface DesiredSecret {
  readonly name: string;
  readonly purpose: string;
  readonly source: SecretSource;
  readonly shown: boolean;
}

export interface Desired {
  readonly worker: string;
  readonly resources: readonly Resource[];
  readonly secrets: readonly DesiredSecret[];
  /** Container applications: wrangler creates them, the plan only names them. */
  readonly applications: readonly string[];
}

export function desiredOf(config: Config, variables: Variables): Desired {
  return {
    worker: config.name,
    resources: resourcesOf(config),
    secrets: (config.secrets?.required ?? []).map((name) => secretOf(name, variables)),
    applications: (config.containers ?? []).map(
      ({ name, class_name }) => name ?? `${config.name}-${class_name ?? ""}`.toLowerCase(),
    ),
  };
}

function resourcesOf(config: Config): Resource[] {
  const found = new Map<string, Resource>();
  const need = (kind: ResourceKind, name: string, usedAs: string, jurisdiction?: string) => {
    const key = [kind, jurisdiction ?? "", name].join(":");
    const users = found.get(key)?.usedAs ?? [];
    found.set(key, {
      kind,
      name,
      usedAs: users.includes(usedAs) ? users : [...users, usedAs],
      ...(jurisdiction === undefined ? {} : { jurisdiction }),
    });
  };
  for (const { binding, bucket_name, jurisdiction } of config.r2_buckets ?? []) {
    need("bucket", bucket_name ?? derivedName(config.name, binding), binding, jurisdiction);
  }
  for (const { binding, id } of config.kv_namespaces ?? []) {
    if (id === undefined) need("namespace", derivedName(config.name, binding), binding);
  }
  // Dead letters first: a consumer must never exist before the queue that its failures go to.
  for (const { dead_letter_queue } of config.queues?.consumers ?? []) {
    if (dead_letter_queue !== undefined) need("queue", dead_letter_queue, "dead letters");
  }
  for (const { binding, queue } of config.queues?.producers ?? []) {
    need("queue", queue ?? derivedName(config.name, binding), binding);
  }
  for (const { queue } of config.queues?.consumers ?? []) need("queue", queue, "consumer");
  return [...found.values()];
}

function secretOf(name: string, variables: Variables): DesiredSecret {
  const generated = GENERATED_SECRETS.find((each) => each.name === name);
  const given = (variables[name] ?? "") !== "";
  return {
    name,
    purpose: generated?.purpose ?? "required by wrangler.jsonc",
    source: given ? "environment" : generated === undefined ? "none" : "generated",
    shown: !given && generated?.shown === true,
  };
}
