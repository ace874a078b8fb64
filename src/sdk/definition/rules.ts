/** What the fields of a container config have to do with each other. Each problem names the field and what to do. */
import { parseDuration } from "../../duration.ts";
import type { ContainerConfig } from "./config.ts";
import { DEFAULT_MAX_INSTANCES, LIMITS } from "./config.ts";
import { egressConfigOf } from "./egress.ts";

type Problem = readonly [field: string, problem: string];

export function* contradictions(config: ContainerConfig): Iterable<Problem> {
  yield* imageProblems(config);
  yield* variableProblems(config);
  yield* portProblems(config);
  yield* countProblems(config);
  yield* egressProblems(config);
  yield* rolloutProblems(config);
}

function* imageProblems({ image, buildArgs }: ContainerConfig): Iterable<Problem> {
  if (typeof image === "string") {
    if (image.trim() === "") yield ["image", "must not be empty"];
    else if (!/^(?:\.{0,2}\/|\.$)/.test(image)) {
      const fix = image.includes(":")
        ? `{ registry: ${JSON.stringify(image)} }`
        : `"./${image}" for a folder, or { name: "${image}" }`;
      yield ["image", `is not a path: write ${fix}`];
    }
  } else if (buildArgs !== undefined) yield ["buildArgs", "has no effect on an image that is not built: leave it out"];
}

function* variableProblems({
  env = {},
  secrets = [],
  secretsStore = {},
  labels = {},
}: ContainerConfig): Iterable<Problem> {
  const owners = new Map<string, string>(Object.keys(env).map((name) => [name, "env"]));
  for (const [index, name] of secrets.entries()) {
    const owner = owners.get(name);
    if (owner !== undefined) yield [`secrets[${index}]`, `${name} is in ${owner} too: keep one of them`];
    owners.set(name, "secrets");
  }
  for (const name of Object.keys(secretsStore)) {
    const owner = owners.get(name);
    if (owner !== undefined) yield [`secretsStore.${name}`, `is in ${owner} too: keep one of them`];
  }
  const sizes = [
    ["env", Object.keys(env).length, LIMITS.variables],
    ["secretsStore", secrets.length + Object.keys(secretsStore).length, LIMITS.secrets],
    ["labels", Object.keys(labels).length, LIMITS.labels],
  ] as const;
  for (const [field, size, most] of sizes)
    if (size > most) yield [field, `must have at most ${most} entries; it has ${size}`];
}

function* portProblems(config: ContainerConfig): Iterable<Problem> {
  const { defaultPort, requiredPorts = [], readyOn = [], pingEndpoint } = config;
  if (new Set(requiredPorts).size < requiredPorts.length) yield ["requiredPorts", "must not name a port twice"];
  const fix = "needs a port: set defaultPort";
  if (defaultPort === undefined && requiredPorts.length === 0) {
    for (const [index, check] of readyOn.entries()) {
      if (check.port === undefined) yield [`readyOn[${index}].port`, `${fix}, or port here`];
    }
    if (pingEndpoint !== undefined) yield ["pingEndpoint", fix];
  }
}

/** As the control plane has it where nothing is said. */
const DEFAULT_DEADLINE_S = 600;
const DEFAULT_HEALTHY_S = 10;

function* rolloutProblems({ rollout = {} }: ContainerConfig): Iterable<Problem> {
  const { maxSurge = "25%", maxUnavailable = 0, progressDeadline: deadline, minHealthyTime: healthy } = rollout;
  if ([maxSurge, maxUnavailable].every((amount) => Number.parseInt(String(amount), 10) === 0)) {
    yield ["rollout.maxUnavailable", "must not be 0 where maxSurge is 0 too: nothing could be replaced"];
  }
  if (deadline === null || (deadline === undefined && healthy === undefined)) return;
  if ((parseDuration(deadline ?? DEFAULT_DEADLINE_S) ?? 0) > (parseDuration(healthy ?? DEFAULT_HEALTHY_S) ?? 0)) return;
  const field = deadline === undefined ? "minHealthyTime" : "progressDeadline";
  const side = deadline === undefined ? "below progressDeadline" : "above minHealthyTime";
  yield [`rollout.${field}`, `must be ${side}, or nothing could be healthy in time`];
}

function* countProblems(config: ContainerConfig): Iterable<Problem> {
  const { instances, autoscaling, maxInstances = DEFAULT_MAX_INSTANCES, namedInstances, warm = 0, sleepAfter } = config;
  if (autoscaling !== undefined) {
    const { min, max, targetConcurrency, targetRps, queueDepth } = autoscaling;
    const targets = [targetConcurrency, targetRps, queueDepth].filter((target) => target !== undefined);
    if (targets.length !== 1) {
      yield ["autoscaling", "must have exactly one of targetConcurrency, targetRps and queueDepth"];
    }
    if (autoscaling.idleAfter !== undefined && min > 0) {
      yield ["autoscaling.idleAfter", "has no effect unless min is 0: leave it out"];
    }
    if (min > max) yield ["autoscaling.min", `must be at most autoscaling.max (${max})`];
    if (max > maxInstances) yield ["autoscaling.max", `must be at most maxInstances (${maxInstances})`];
    if (instances !== undefined) yield ["instances", "is chosen by autoscaling: leave one of the two out"];
  }
  const pool = autoscaling?.max ?? instances ?? Math.min(1, maxInstances);
  if (instances !== undefined && instances > maxInstances) {
    yield ["instances", `must be at most maxInstances (${maxInstances})`];
  } else if (warm > 0 && pool + warm > maxInstances) {
    const room = Math.max(0, maxInstances - pool);
    yield ["warm", `must be at most ${room}: maxInstances (${maxInstances}) less the pool's ${pool}`];
  } else if (namedInstances !== undefined && pool + warm + namedInstances > maxInstances) {
    const rest = maxInstances - pool - warm;
    const taken = `the pool's ${pool}${warm > 0 ? ` and ${warm} warm` : ""}`;
    yield ["namedInstances", `must be at most ${rest}: maxInstances (${maxInstances}) less ${taken}`];
  }
  if (sleepAfter !== undefined && (namedInstances ?? maxInstances - pool - warm) === 0) {
    yield [
      "sleepAfter",
      "has no effect: only named instances sleep, and there are none; leave it out or raise maxInstances",
    ];
  }
}

/** What `egress` says in other words. */
const SAME = [
  ["default", "enableInternet"],
  ["allow", "allowedHosts"],
  ["deny", "deniedHosts"],
  ["interceptHttps", "interceptHttps"],
] as const;

function* egressProblems(config: ContainerConfig): Iterable<Problem> {
  const { egress = {} } = config;
  let isTwice = false;
  for (const [field, old] of SAME) {
    if (egress[field] === undefined || config[old] === undefined) continue;
    yield [`egress.${field}`, `is said by ${old} too: keep one of them`];
    isTwice = true;
  }
  if (isTwice) return;
  const { default: byDefault, allow, deny, interceptHttps, open } = egressConfigOf(config) ?? {};
  const isOpen = byDefault === "allow" || allow !== undefined;
  const fix = "has no effect while everything is denied: set enableInternet: true or allowedHosts";
  if (config.deniedHosts !== undefined && !isOpen) yield ["deniedHosts", fix];
  if (config.interceptHttps === true && !isOpen) yield ["interceptHttps", fix];
  if (open === true) {
    if (byDefault !== "allow") yield ["egress.open", 'needs default: "allow"'];
    const others = { allow, deny, interceptHttps, credentials: egress.credentials, handlers: egress.handlers };
    const [field] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
    if (field !== undefined) yield ["egress.open", `cannot be together with ${field}: nothing would enforce it`];
  }
}
