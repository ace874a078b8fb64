/**
 * What `defineContainer` takes. Everything is data, so that tools read a definition without starting anything.
 */

import type { InstanceType } from "../binding.ts";
import type { EgressConfig } from "./egress.ts";

/** Seconds, or text such as `"90s"`, `"5m"`, `"1h30m"`. */
export type Duration = number | string;

export interface CustomInstanceType {
  /** 0.0625 to 4. */
  readonly vcpu: number;
  /** 128 to 12,288. */
  readonly memoryMib: number;
  /** 500 to 20,000. */
  readonly diskMb: number;
}

export interface ReadyCheck {
  readonly path: string;
  /** Default: `defaultPort`. */
  readonly port?: number;
  /** Default: 200. */
  readonly status?: number;
}

export interface Autoscaling {
  readonly min: number;
  readonly max: number;
  /** One of the three: requests under way per instance, */
  readonly targetConcurrency?: number;
  /** requests per second and instance, */
  readonly targetRps?: number;
  /** or callers that wait, per instance. */
  readonly queueDepth?: number;
  /** With `min` 0: time without any load after which none is left. Default 10 min. */
  readonly idleAfter?: Duration;
}

/** How a rollout replaces instances. Amounts are a number of them, or a share such as `"25%"`. */
export interface RolloutOptions {
  /** Share of the instances that each step of a rollout replaces, in percent. */
  readonly stepPercentage?: number;
  /** An instance that takes traffic for less than this is not replaced yet. Default 0. */
  readonly gracePeriodSeconds?: number;
  /** Instances above what is wanted while some are replaced. Default `"25%"`. */
  readonly maxSurge?: number | string;
  /** Instances below what is wanted that may take traffic. Default 0. */
  readonly maxUnavailable?: number | string;
  /** Ready for so long is healthy. Default 10 s. */
  readonly minHealthyTime?: Duration;
  /** Nothing became healthy for so long: it has failed. `null`: it never does by time. Default 10 min. */
  readonly progressDeadline?: Duration | null;
  /** What has failed goes back by itself. Default true. */
  readonly autoRevert?: boolean;
  /** Old instances stay for so long, out of traffic. Default 0. */
  readonly scaleDownDelay?: Duration;
}

export interface ContainerConfig {
  /**
   * A folder with a Dockerfile or the Dockerfile itself (`"./containers/web"`), a reference (`{ registry }`), or an image
   * that the control plane declares (`{ name }`).
   */
  readonly image: string | { readonly registry: string } | { readonly name: string };
  /** The application's name; default: the export's name in kebab case. */
  readonly name?: string;
  /** Where requests go that name no port; default: the first of `requiredPorts`, else 8080. */
  readonly defaultPort?: number;
  /** A container is ready only when all of these accept connections. */
  readonly requiredPorts?: readonly number[];
  readonly instanceType?: InstanceType | CustomInstanceType;
  /** Ceiling of everything that runs, pool and named ones. Default 20. */
  readonly maxInstances?: number;
  /** Members of the pool, for `any` and `pool`. Default 1, with `autoscaling` its `min`. */
  readonly instances?: number;
  /** Named ones that may be awake at a time, for `get`. Default: what `maxInstances` leaves. */
  readonly namedInstances?: number;
  /** Members of the pool that are kept started beyond `instances`, or what the load asks for. Default 0. */
  readonly warm?: number;
  readonly autoscaling?: Autoscaling;
  /** A named instance that is not called for this long sleeps. Default 10 min. */
  readonly sleepAfter?: Duration;
  /** No container lives longer, busy or not. */
  readonly hardTimeout?: Duration;
  readonly env?: Readonly<Record<string, string>>;
  /** Secrets of the account, each as the variable of its name. */
  readonly secrets?: readonly string[];
  /** Variable → secret of the account's Secrets Store. */
  readonly secretsStore?: Readonly<Record<string, string>>;
  /** `ARG`s of the Dockerfile; only where the image is built. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  /** Whether what no list names may be reached. Default: Gantry's policy, which denies. */
  readonly enableInternet?: boolean;
  /** Hosts (`api.example.com`, `*.example.com`), addresses and CIDR ranges. A list means that all else is denied. */
  readonly allowedHosts?: readonly string[];
  /** Wins over everything. */
  readonly deniedHosts?: readonly string[];
  /** `false`: nothing is reached by HTTPS. Otherwise the image must trust the certificate of its start. Default: true. */
  readonly interceptHttps?: boolean;
  /** What the four before cannot say: credentials, handlers, other applications, bindings, images, rules with ports and methods. */
  readonly egress?: EgressConfig;
  /** A path that must give any answer before the container counts as started. */
  readonly pingEndpoint?: string;
  /** At most five. */
  readonly labels?: Readonly<Record<string, string>>;
  /** No request is let through before all of these pass. */
  readonly readyOn?: readonly ReadyCheck[];
  readonly rollout?: RolloutOptions;
  /** Who may call it from outside. Default: what the control plane says. */
  readonly ingress?: "private" | "token" | "public";
  /** Host names of its own, beside `<name>.<the control plane's domain>`. */
  readonly hostnames?: readonly string[];
  /** The control plane's service binding to the Worker with this container's hooks. */
  readonly hooks?: string;
  /** The control plane's service binding to the Worker whose functions this container calls. */
  readonly bridge?: string;
  /** Whether the container gets a token of the bridge, in `GANTRY_BRIDGE_TOKEN`. Inside it needs none. */
  readonly bridgeToken?: boolean;
  /** A container that says that it is busy is spared for so long. Default 1 h. */
  readonly maxHold?: Duration;
}

declare const BRAND: unique symbol;

/** A config that was found good. */
export type ContainerDefinition<C extends ContainerConfig = ContainerConfig> = C & { readonly [BRAND]: true };

export const LIMITS = {
  variables: 128,
  variableLength: 32_768,
  secrets: 64,
  labels: 5,
  labelNameBytes: 16,
  labelValueBytes: 64,
  ports: 16,
  hostnames: 20,
  checks: 8,
  arguments: 256,
  instances: 10_000,
  sleepAfterMs: 604_800_000,
  hardTimeoutMs: 2_592_000_000,
  maxHoldMs: 18_000_000,
  minHealthyMs: 3_600_000,
  progressDeadlineMs: 604_800_000,
  scaleDownDelayMs: 86_400_000,
  egressRules: 256,
  egressHosts: 32,
  egressCredentials: 32,
  egressHandlers: 32,
  egressInternal: 64,
  egressBindings: 32,
  egressRegistry: 32,
} as const;

export const DEFAULT_MAX_INSTANCES = 20;
export const DEFAULT_PORT = 8_080;
