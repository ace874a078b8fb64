/**
 * Resources as code: what `gantry.config.ts` declares. Types and plain data only, so that a Worker that imports the
 * package pays nothing for them; the `gantry` command reads and applies them.
 */
import type { Schemas } from "../client/operations.ts";
import type { ContainerModule } from "../containers.ts";

/** What another resource is called, or one of its fields: `{ ref: "secret/api-key" }`, `{ ref: "ip/worker", field: "ipv4" }`. */
export interface ReferenceText {
  readonly ref: string;
  readonly field?: string;
}

/** A resource, or its name, wherever a text is taken. */
export type Reference = ReferenceText | { readonly kind: ResourceKind; readonly name: string; readonly spec: object };

/** `T`, with references in place of texts. */
export type Referring<T> = T extends string
  ? string extends T
    ? T | Reference
    : T
  : T extends readonly (infer Item)[]
    ? readonly Referring<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Referring<T[K]> }
      : T;

/** Where a secret's value comes from. A value itself is not taken. */
export type SecretSource =
  /** The environment of the command. */
  | { readonly env: string }
  /** The command's standard input. */
  | { readonly stdin: true }
  /** It is in the account's Secrets Store already, and stays what it is. */
  | { readonly store: true }
  /** Short-lived credentials of a registry. */
  | (ReferenceText & { readonly field: "username" | "password" });

type Configuration = Referring<Schemas["ConfigurationInput"]>;
type Application = Schemas["CreateApplication"];

export interface ResourceSpecs {
  /** `instances` may be left out beside `autoscaling`. */
  application: Referring<Omit<Application, "name" | "configuration" | "instances">> & {
    readonly instances?: number;
    readonly configuration: Configuration;
  };
  deployment: Referring<Omit<Schemas["CreateDeployment"], "name">>;
  rollout: {
    readonly application: string | Reference;
    readonly description?: string;
    readonly step_percentage?: number;
    readonly steps?: readonly {
      readonly step_size: { readonly percentage: number };
      readonly description: string;
    }[];
    /** A stored version; only of an application that is not in the manifest. */
    readonly target_version?: number;
  };
  secret: {
    readonly value: SecretSource;
    /** How often the value was written. Raise it by one to have it written again. Default 1. */
    readonly version?: number;
  };
  "ssh-key": { readonly public_key: string };
  registry: {
    readonly kind?: "DockerHub" | "ECR" | "GAR";
    readonly is_public?: boolean;
    readonly auth?: {
      readonly public_credential: string;
      /** `store_id`: default the account's one. */
      readonly private_credential: { readonly store_id?: string; readonly secret_name: string | Reference };
    };
  };
  protocol: { readonly domains: readonly { readonly domain: string | Reference; readonly path: string }[] };
  account: Schemas["PatchMe"];
}

export type ResourceKind = keyof ResourceSpecs;

export type Resource = {
  [K in ResourceKind]: { readonly kind: K; readonly name: string; readonly spec: ResourceSpecs[K] };
}[ResourceKind];

export interface Resources {
  /** Whose all of it is: what this owner has made and does not declare any more is what `--prune` deletes. */
  readonly owner?: string;
  readonly resources?: readonly Resource[];
  /** `import * as containers from "./containers.ts"`: each definition is an application. */
  readonly containers?: ContainerModule;
}

/** What it is given, checked by the compiler. */
export function defineResources(resources: Resources): Resources {
  return resources;
}

/** A secret's value, from the environment of the command. */
export function env(name: string): { readonly env: string } {
  return { env: name };
}
