/** A definition as the control API takes it: one place that knows what an option is called there. */
import { parseDuration } from "../../duration.ts";
import type { Schemas } from "../client/operations.ts";
import type { Autoscaling, ContainerConfig, ContainerDefinition } from "./config.ts";
import { DEFAULT_MAX_INSTANCES, DEFAULT_PORT } from "./config.ts";
import { egressConfigOf, wireEgress } from "./egress.ts";
import { imageSource } from "./image.ts";
import { applicationName, applicationNames } from "./names.ts";

/** A body for `PUT /applications/{id}`, and for `POST /applications`. */
export type ApplicationBody = Schemas["CreateApplication"];

type Definition = ContainerDefinition | ContainerConfig;

/** `name` is the export's; a definition that has one of its own keeps it. */
export function toApplication(name: string, definition: Definition): ApplicationBody {
  const { maxInstances = DEFAULT_MAX_INSTANCES, autoscaling, rollout, ingress } = definition;
  const instances = autoscaling?.min ?? definition.instances ?? 1;
  const pool = (autoscaling?.max ?? instances) + (definition.warm ?? 0);
  const body = {
    name: applicationName(name, definition.name),
    instances,
    max_instances: maxInstances,
    named_instances: definition.namedInstances ?? Math.max(0, maxInstances - pool),
    ...given("warm", definition.warm),
    ...given("autoscaling", autoscaling, wireAutoscaling),
    ...given("ingress", ingress, (mode) => ({ mode })),
    ...given("hostnames", definition.hostnames),
    ...given("hooks", definition.hooks, (binding) => ({ binding })),
    ...given("bridge", definition.bridge, (binding) => ({ binding })),
    ...given("rollout_active_grace_period", rollout?.gracePeriodSeconds),
    ...policyOf(rollout),
    ...given("egress", egressConfigOf(definition), wireEgress),
    configuration: configurationOf(name, definition),
  };
  // A test holds it against the schema that the API checks with.
  return body as unknown as ApplicationBody;
}

/** All containers of a file; two that come to the same name are refused. */
export function toApplications(containers: Readonly<Record<string, Definition>>): ApplicationBody[] {
  const names = applicationNames(containers);
  return Object.entries(containers).map(([exportName, definition]) => ({
    ...toApplication(exportName, definition),
    name: names.get(exportName) as string,
  }));
}

/** A body for `POST …/applications/{name}/rollouts`. */
export function toRollout(definition: Definition, version: number, description = ""): Record<string, unknown> {
  const { stepPercentage } = definition.rollout ?? {};
  return { description, strategy: "rolling", target_version: version, ...given("step_percentage", stepPercentage) };
}

/** Entries of `images` in the control plane's wrangler.jsonc, for what is built. */
export function wranglerImages(containers: Readonly<Record<string, Definition>>): Record<string, object> {
  const names = applicationNames(containers);
  return Object.fromEntries(
    Object.entries(containers).flatMap(([exportName, definition]) => {
      const source = imageSource(definition);
      if (source.kind !== "build") return [];
      const { dockerfile, context, buildArgs } = source;
      const vars = Object.keys(buildArgs).length === 0 ? {} : { build_vars: buildArgs };
      return [[names.get(exportName) as string, { dockerfile, build_context: context, ...vars }]];
    }),
  );
}

function configurationOf(name: string, definition: Definition): Record<string, unknown> {
  const { env = {}, secrets = [], secretsStore = {}, labels, instanceType, requiredPorts } = definition;
  const references = [
    ...secrets.map((secret) => ({ name: secret, type: "env", secret })),
    ...Object.entries(secretsStore).map(([variable, secret]) => ({ name: variable, type: "env", secret })),
  ];
  return {
    image: imageOf(name, definition),
    ...sizeOf(instanceType),
    ...given("ports", portsOf(definition), (ports) => ports.map((port) => ({ name: portName(port), port }))),
    ...given("required_ports", requiredPorts),
    ...given(
      "environment_variables",
      listOf(Object.entries(env).map(([variable, value]) => ({ name: variable, value }))),
    ),
    ...given("secrets", listOf(references)),
    ...given("labels", labels, (all) => Object.entries(all).map(([label, value]) => ({ name: label, value }))),
    ...given("entrypoint", definition.entrypoint),
    ...given("checks", listOf(checksOf(definition))),
    ...given("sleep_after", definition.sleepAfter, seconds),
    ...given("hard_timeout", definition.hardTimeout, seconds),
    ...given("max_hold", definition.maxHold, seconds),
    ...given("bridge_token", definition.bridgeToken),
  };
}

function imageOf(name: string, definition: Definition): string {
  const source = imageSource(definition);
  if (source.kind === "build") return applicationName(name, definition.name);
  return source.kind === "registry" ? source.reference : source.name;
}

function sizeOf(type: ContainerConfig["instanceType"]): Record<string, unknown> {
  if (type === undefined) return {};
  if (typeof type === "string") return { instance_type: type };
  return { vcpu: type.vcpu, memory_mib: type.memoryMib, disk: { size_mb: type.diskMb } };
}

/** The first one is where requests go. Undefined: Gantry's own default. */
function portsOf({ defaultPort, requiredPorts = [], readyOn = [] }: Definition): number[] | undefined {
  const first = defaultPort ?? requiredPorts[0] ?? (readyOn.length > 0 ? DEFAULT_PORT : undefined);
  if (first === undefined) return undefined;
  const checked = readyOn.flatMap(({ port }) => (port === undefined ? [] : [port]));
  return [...new Set([first, ...requiredPorts, ...checked])];
}

function portName(port: number): string {
  return `port-${port}`;
}

function checksOf(definition: Definition): object[] {
  const { readyOn = [], pingEndpoint } = definition;
  const port = portsOf(definition)?.[0] ?? DEFAULT_PORT;
  const ready = readyOn.map((check) => ({
    ...httpCheck(check.path, check.port ?? port),
    kind: "ready",
    expect_status: [check.status ?? 200],
  }));
  if (pingEndpoint === undefined) return ready;
  const anyAnswer = ["1xx", "2xx", "3xx", "4xx", "5xx"];
  return [{ name: "ping", ...httpCheck(pingEndpoint, port), kind: "startup", expect_status: anyAnswer }, ...ready];
}

function httpCheck(path: string, port: number): object {
  return { type: "http", port: portName(port), http: { path: path.startsWith("/") ? path : `/${path}` } };
}

function wireAutoscaling({ min, max, targetConcurrency, targetRps, queueDepth, idleAfter }: Autoscaling): object {
  return {
    min,
    max,
    ...given("target_concurrency", targetConcurrency),
    ...given("target_rps", targetRps),
    ...given("queue_depth", queueDepth),
    ...given("idle_after", idleAfter, seconds),
  };
}

function policyOf(rollout: Definition["rollout"]): object {
  const { maxSurge, maxUnavailable, minHealthyTime, progressDeadline, autoRevert, scaleDownDelay } = rollout ?? {};
  const policy = {
    ...given("max_surge", maxSurge),
    ...given("max_unavailable", maxUnavailable),
    ...given("min_healthy_time", minHealthyTime, seconds),
    ...given("progress_deadline", progressDeadline, (value) => (value === null ? null : seconds(value))),
    ...given("auto_revert", autoRevert),
    ...given("scale_down_delay", scaleDownDelay, seconds),
  };
  return Object.keys(policy).length === 0 ? {} : { rollout: policy };
}

function seconds(value: number | string): number {
  return (parseDuration(value) ?? 0) / 1_000;
}

function listOf<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}

function given<T>(field: string, value: T | undefined, change: (value: T) => unknown = (same) => same): object {
  return value === undefined ? {} : { [field]: change(value) };
}
