/** The shape of a container config: types, ranges and names of fields. What two fields have to do with each other is in
 * `rules.ts`. */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { hostPattern } from "../../egress/policy/host.ts";
import { LIMITS } from "./config.ts";
import { egressConfig, hosts } from "./egress-schema.ts";
import { isApplicationName, NAME_RULE } from "./names.ts";

const whole = (min: number, max: number) => {
  const text = `must be a whole number from ${min} to ${max}`;
  return z.int(text).min(min, text).max(max, text);
};

const port = () => whole(1, 65_535);

const amount = () => {
  const text = 'must be a whole number of instances, or a share such as "25%"';
  const count = z.int(text).min(0, text).max(LIMITS.instances, text);
  return z.union([count, z.string().regex(/^(?:100|\d{1,2})%$/, text)], text);
};

const rollout = () =>
  z.strictObject({
    stepPercentage: whole(1, 100).optional(),
    gracePeriodSeconds: whole(0, 86_400).optional(),
    maxSurge: amount().optional(),
    maxUnavailable: amount().optional(),
    minHealthyTime: duration(0, LIMITS.minHealthyMs).optional(),
    progressDeadline: duration(1_000, LIMITS.progressDeadlineMs).nullable().optional(),
    autoRevert: flag().optional(),
    scaleDownDelay: duration(0, LIMITS.scaleDownDelayMs).optional(),
  });

function filled(what: string) {
  return z.string(`must be ${what}`).refine((text) => text.trim() !== "", `must be ${what}, and not be blank`);
}

function duration(minMs: number, maxMs: number) {
  const bounds = `${minMs / 1_000} s to ${maxMs / 1_000} s`;
  const rule = `must be seconds or a duration such as "5m" or "1h30m", from ${bounds}`;
  return z.union([z.number(), z.string()], rule).refine((value) => {
    const ms = parseDuration(value);
    return ms !== null && ms >= minMs && ms <= maxMs;
  }, rule);
}

const variableName = () =>
  z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]{0,255}$/,
      "must be a variable name: letters, digits and _, not beginning with a digit",
    )
    .refine((name) => !name.startsWith("GANTRY_"), "must not begin with GANTRY_, which Gantry sets itself");

const variableValue = () =>
  z
    .string("must be a text")
    .max(LIMITS.variableLength, `must be at most ${LIMITS.variableLength} characters`)
    .refine((text) => !text.includes("\0"), "must not contain a NUL character");

const secretName = () =>
  z
    .string("must be the name of a secret")
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, "must be the name of a secret: 1 to 128 letters, digits, _, - or .");

function bytes(min: number, max: number) {
  const rule = `must be ${min} to ${max} bytes without control characters`;
  return z.string(rule).refine((text) => {
    const { length } = new TextEncoder().encode(text);
    return length >= min && length <= max && !/\p{Cc}/u.test(text);
  }, rule);
}

const labelName = () =>
  bytes(1, LIMITS.labelNameBytes).refine(
    (name) => !name.startsWith("gantry."),
    "must not begin with gantry., which Gantry sets itself",
  );

const path = () => filled("a path").refine((text) => /^[^\s#\\]+$/.test(text), "must be a path without blanks or #");

const image = () =>
  z.union(
    [
      z.string(),
      z.strictObject({ registry: filled("an image reference") }),
      z.strictObject({ name: filled("a name of the control plane's images") }),
    ],
    'must be a path such as "./containers/web", { registry: "ghcr.io/acme/web:1.4" } or { name: "web" }',
  );

const TYPES = ["lite", "basic", "standard-1", "standard-2", "standard-3", "standard-4"] as const;

const size = (min: number, max: number) => {
  const rule = `must be a number from ${min} to ${max}`;
  return z.number(rule).min(min, rule).max(max, rule);
};

const instanceType = () =>
  z.union(
    [
      z.enum(TYPES),
      z.strictObject({ vcpu: size(0.0625, 4), memoryMib: whole(128, 12_288), diskMb: whole(500, 20_000) }),
    ],
    `must be one of ${TYPES.join(", ")}, or { vcpu, memoryMib, diskMb } with 0.0625 to 4 vCPU, 128 to 12288 MiB, 500 to 20000 MB`,
  );

const flag = () => z.boolean("must be true or false");
const target = () => size(0.1, 100_000);
const count = () => whole(0, LIMITS.instances);

const hostname = () =>
  z
    .string("must be a host name")
    .refine(
      (text) => "pattern" in hostPattern(text) && !/[*/]/.test(text),
      "must be a host name such as app.example.com",
    );

type ConfigSchema = ReturnType<typeof makeSchema>;
let made: ConfigSchema | undefined;

/** Made when it is first used: a Worker that defines no container does not load what makes it. */
export function configSchema(): ConfigSchema {
  made ??= makeSchema();
  return made;
}

function binding() {
  return z.string().regex(/^[A-Za-z_$][\w$]*$/, "must be the name of a service binding");
}

function makeSchema() {
  return z.strictObject({
    image: image(),
    name: z.string().refine(isApplicationName, NAME_RULE).optional(),
    defaultPort: port().optional(),
    requiredPorts: z
      .array(port())
      .min(1, "must name at least one port: leave it out when there is none to wait for")
      .max(LIMITS.ports)
      .optional(),
    instanceType: instanceType().optional(),
    maxInstances: whole(1, LIMITS.instances).optional(),
    instances: count().optional(),
    namedInstances: count().optional(),
    warm: count().optional(),
    autoscaling: z
      .strictObject({
        min: count(),
        max: whole(1, LIMITS.instances),
        targetConcurrency: target().optional(),
        targetRps: target().optional(),
        queueDepth: target().optional(),
        idleAfter: duration(1_000, LIMITS.sleepAfterMs).optional(),
      })
      .optional(),
    sleepAfter: duration(1_000, LIMITS.sleepAfterMs).optional(),
    hardTimeout: duration(1_000, LIMITS.hardTimeoutMs).optional(),
    env: z.record(variableName(), variableValue()).optional(),
    secrets: z.array(variableName()).max(LIMITS.secrets).optional(),
    secretsStore: z.record(variableName(), secretName()).optional(),
    buildArgs: z.record(variableName(), variableValue()).optional(),
    entrypoint: z
      .array(filled("a text"))
      .min(1, "must name the program: leave it out for the image's own")
      .max(LIMITS.arguments)
      .optional(),
    enableInternet: flag().optional(),
    allowedHosts: hosts().optional(),
    deniedHosts: hosts().optional(),
    interceptHttps: flag().optional(),
    egress: egressConfig().optional(),
    pingEndpoint: path().optional(),
    labels: z.record(labelName(), bytes(0, LIMITS.labelValueBytes)).optional(),
    readyOn: z
      .array(z.strictObject({ path: path(), port: port().optional(), status: whole(100, 599).optional() }))
      .max(LIMITS.checks - 1)
      .optional(),
    rollout: rollout().optional(),
    ingress: z.enum(["private", "token", "public"]).optional(),
    hostnames: z.array(hostname()).max(LIMITS.hostnames).optional(),
    hooks: binding().optional(),
    bridge: binding().optional(),
    bridgeToken: flag().optional(),
    maxHold: duration(0, LIMITS.maxHoldMs).optional(),
  });
}
