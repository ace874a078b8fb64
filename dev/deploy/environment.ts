/**
 * Turns wrangler.jsonc into the configuration of one deployed environment. Pure. Wrangler's own named environments do
 * not inherit containers, bindings, queues or secrets, so each environment is a complete configuration of its own, with
 * its own Worker, container applications and resources: nothing of staging is reachable from production.
 *
 * `env.<name>` in wrangler.jsonc, where there is one, is taken as written and replaces the key of the same name.
 */
import type { Config, Overrides } from "./config.ts";
import { DeployError } from "./deploy-error.ts";
import type { EnvironmentName } from "./options.ts";
import { GENERATED_SECRETS } from "./resources.ts";

export interface EnvironmentInput {
  readonly environment: EnvironmentName;
  readonly accountId: string;
  readonly ingressDomain: string;
}

/** Bindings to things of an account that deploy does not know how to create: sharing them unseen would be worse. */
const NOT_SUPPORTED = [
  "d1_databases",
  "vectorize",
  "hyperdrive",
  "pipelines",
  "workflows",
  "dispatch_namespaces",
] as const;

export function environmentConfig(base: Config, input: EnvironmentInput): Config {
  const { env, dev: _dev, previews: _previews, $schema: _schema, ...top } = base;
  const own: Overrides = env?.[input.environment] ?? {};
  const merged: Config = {
    ...nameForEnvironment(top, input.environment),
    ...own,
    name: workerName(base, input.environment),
  };
  for (const key of NOT_SUPPORTED) {
    const section = merged[key];
    if (section !== undefined && !(Array.isArray(section) && section.length === 0)) {
      throw new DeployError(
        `wrangler.jsonc binds ${key}, which deploy cannot create: add the kind to dev/deploy/resources.ts first`,
      );
    }
  }
  return withMissingNames({
    ...merged,
    vars: {
      ...base.vars,
      GANTRY_ACCOUNT_ID: input.accountId,
      // Locally everybody on the machine may call an application; on the internet nobody may until it says so.
      GANTRY_DEFAULT_INGRESS: "private",
      ...own.vars,
      // Servers of a developer's machine are asked in development alone.
      GANTRY_EGRESS_CONNECT_TO: "",
      GANTRY_IMAGE_LOADER_URL: "",
      GANTRY_IMAGE_LOADER_TOKEN: "",
      INGRESS_DOMAIN: input.ingressDomain || (own.vars?.["INGRESS_DOMAIN"] ?? ""),
    },
    secrets: {
      ...merged.secrets,
      required: [...new Set([...(merged.secrets?.required ?? []), ...GENERATED_SECRETS.map(({ name }) => name)])],
    },
  });
}

function workerName(base: Config, environment: EnvironmentName): string {
  return `${base.name}-${environment}`;
}

function nameForEnvironment(base: Config, environment: EnvironmentName): Config {
  const suffixed = (name: string) => `${name}-${environment}`;
  const script = (name: string) => (name === base.name ? workerName(base, environment) : name);
  const config: Config = { ...base };
  if (base.r2_buckets !== undefined) {
    config.r2_buckets = base.r2_buckets.map(({ preview_bucket_name: _preview, ...bucket }) => ({
      ...bucket,
      ...(bucket.bucket_name === undefined ? {} : { bucket_name: suffixed(bucket.bucket_name) }),
    }));
  }
  if (base.kv_namespaces !== undefined) {
    // An id at the top level is of the developer's machine; the environment's own is looked up by name.
    config.kv_namespaces = base.kv_namespaces.map(({ id: _id, preview_id: _preview, ...namespace }) => namespace);
  }
  if (base.queues !== undefined) {
    config.queues = { ...base.queues };
    if (base.queues.producers !== undefined) {
      config.queues.producers = base.queues.producers.map((producer) => ({
        ...producer,
        ...(producer.queue === undefined ? {} : { queue: suffixed(producer.queue) }),
      }));
    }
    if (base.queues.consumers !== undefined) {
      config.queues.consumers = base.queues.consumers.map((consumer) => ({
        ...consumer,
        queue: suffixed(consumer.queue),
        ...(consumer.dead_letter_queue === undefined
          ? {}
          : { dead_letter_queue: suffixed(consumer.dead_letter_queue) }),
      }));
    }
  }
  if (base.services !== undefined) {
    config.services = base.services.map((binding) => ({ ...binding, service: script(binding.service) }));
  }
  if (base.durable_objects !== undefined) {
    config.durable_objects = {
      ...base.durable_objects,
      bindings: base.durable_objects.bindings.map((binding) => ({
        ...binding,
        ...(binding.script_name === undefined ? {} : { script_name: script(binding.script_name) }),
      })),
    };
  }
  if (base.containers !== undefined) {
    config.containers = base.containers.map((container) => ({
      ...container,
      ...(container.name === undefined ? {} : { name: suffixed(container.name) }),
    }));
  }
  return config;
}

/** A binding without a name gets the one that is derived from it, so that wrangler never invents another. */
function withMissingNames(config: Config): Config {
  const named = { ...config };
  if (config.r2_buckets !== undefined) {
    named.r2_buckets = config.r2_buckets.map((bucket) => ({
      ...bucket,
      bucket_name: bucket.bucket_name ?? derivedName(config.name, bucket.binding),
    }));
  }
  if (config.queues?.producers !== undefined) {
    named.queues = {
      ...config.queues,
      producers: config.queues.producers.map((producer) => ({
        ...producer,
        queue: producer.queue ?? derivedName(config.name, producer.binding),
      })),
    };
  }
  return named;
}

/** Binding CACHE of Worker gantry-staging is gantry-cache-staging. */
export function derivedName(worker: string, binding: string): string {
  const at = worker.lastIndexOf("-");
  return `${worker.slice(0, at)}-${binding.toLowerCase().replaceAll("_", "-")}${worker.slice(at)}`;
}
