/** What a schema cannot say about good input: which images and secrets there are, and which fields go together. */
import { LOCATION_CODES } from "../../src/account/locations.ts";
import type { JsonSchema } from "../../src/api/openapi/schemas.ts";
import type { Random } from "../simulation/random.ts";
import { egressHint, repairEgress } from "./egress-inputs.ts";
import { jobHint, repairJobs } from "./jobs-inputs.ts";
import type { Known } from "./known.ts";
import { repairPolicy, repairRollout } from "./rollouts-inputs.ts";
import { repairTasks, taskHint } from "./tasks-inputs.ts";

/** Names are few, so that they collide now and then. */
const NAMES = 400;
/** What a test's control plane can hold without the walk being about nothing else. */
const MAX_INSTANCES = 2;
const DOMAINS = 40;

const PORTS: readonly [unknown, ...unknown[]] = [
  [{ name: "web", port: 8_080 }],
  [
    { name: "web", port: 8_080 },
    { name: "admin", port: 9_090 },
  ],
  [{ name: "web", assign_port: [{ start: 8_000, end: 8_003 }] }],
];

const CHECKS: readonly [unknown, ...unknown[]] = [
  [{ type: "tcp", port: "web", kind: "ready", timeout: "1s", grace_period: 1 }],
  [
    {
      type: "http",
      port: "web",
      kind: "ready",
      http: { path: "/" },
      expect_status: ["2xx", 404],
      attempts_before_failure: 2,
    },
  ],
  [{ type: "http", port: "web", kind: "startup", http: { method: "POST", path: "/a", body: "x" }, interval: "5s" }],
  [{ name: "alive", type: "tcp", port: "web", kind: "health", interval: 10 }],
];

const NETWORKS = [{ mode: "private" }, {}, { mode: "public", assign_ipv4: "predefined" }, { mode: "public" }] as const;

/** Size fields go one way or the other. */
const SIZES = ["vcpu", "memory_mib", "disk"] as const;

/** The value of a field, or undefined to leave it to its schema. */
export function hint(path: readonly string[], schema: JsonSchema, random: Random, known: Known): unknown {
  const name = path.at(-1) ?? "";
  const [least, most] = [schema["x-minimum-seconds"], schema["x-maximum-seconds"]];
  // A lease is long enough to be seen, and short enough not to be in the way.
  if (name === "ttl" && path.length === 1) return 5;
  if (typeof least === "number" && typeof most === "number") {
    const value = Math.min(most, Math.max(least, 0.01) + random.between(0, 1));
    return random.chance(0.5) ? value : `${value}s`;
  }
  if (path.includes("http")) return taskHint(name);
  switch (name) {
    case "image":
      return "hello-world";
    case "binding":
      return path.at(-2) === "hooks" ? "EVENTS" : "FUNCTIONS";
    case "instances":
    case "max_instances":
    case "named_instances":
    case "warm":
    case "min":
    case "max":
      return random.chance(0.4) ? random.between(1, MAX_INSTANCES) : 0;
    case "name":
      return path.length === 1 ? `n${random.between(1, NAMES)}` : undefined;
    case "location":
      return random.pick(LOCATION_CODES as unknown as readonly [string, ...string[]]);
    case "ports":
      return random.pick(PORTS);
    case "hostnames":
      return random.chance(0.5) ? [] : [`h${random.between(1, 1_000_000)}.example.com`];
    case "required_ports":
      return random.pick([[8_080], [8_080, 9_090]]);
    case "checks":
      return random.pick(CHECKS);
    case "network":
      return random.pick(NETWORKS);
    case "public_key":
      return sshKey(random);
    case "domain":
      return `r${random.between(1, DOMAINS)}.example.com`;
    case "proto":
      return random.chance(0.5) ? known.reference("protos", "proto", random) : `p${random.between(1, 12)}`;
    case "path":
      return path.includes("domains") ? "team/a" : undefined;
    case "secret":
    case "secret_name":
      return known.reference("secrets", "name", random) ?? "none";
    case "store_id":
      return known.reference("stores", "id", random) ?? "none";
    case "ssh_public_key_ids":
      return [known.reference("ssh-public-keys", "id", random)].filter((id) => id !== undefined);
    case "target_version":
      return 1;
    case "memory":
      return "512MiB";
    case "repository":
      return random.pick(["web", "team/web"]);
    case "repositories":
      return ["team/web", "team/*"];
    default:
      return egressHint(path, random) ?? jobHint(name, random);
  }
}

/** Makes the fields of a body agree, where their schema accepts more than the API does. */
export function repair(body: unknown, operationPath: string, random: Random): unknown {
  if (!isRecord(body)) return body;
  const { instances, max_instances: maximum } = body;
  if (typeof instances === "number" && typeof maximum === "number" && instances > maximum) body["instances"] = maximum;
  repairAutoscaling(body, random);
  repairJobs(body, operationPath, random);
  if (/\/tasks(?:\/batch)?$/.test(operationPath)) repairTasks(body);
  // What is kept warm comes on top of what may run.
  if (typeof body["warm"] === "number") delete body["max_instances"];
  if (body["ttl"] !== undefined) delete body["expires_at"];
  if (Array.isArray(body["scopes"]) && body["scopes"].includes("admin")) delete body["applications"];
  if (body["target_configuration"] !== undefined) delete body["target_version"];
  else if (operationPath.endsWith("/rollouts")) body["target_version"] = 1;
  if (operationPath.endsWith("/rollouts")) repairRollout(body, random);
  if (isRecord(body["rollout"])) repairPolicy(body["rollout"], random);
  if (operationPath.endsWith("/registries")) repairRegistry(body);
  if (operationPath.endsWith("/credentials")) {
    body["permissions"] ??= ["pull"];
    body["expiration_minutes"] ??= 5;
    // Only the managed registry has repositories that are known here.
    delete body["repositories"];
  }
  if (operationPath.endsWith("/me")) repairAccount(body);
  if (isRecord(body["egress"])) repairEgress(body["egress"], random);
  if (operationPath.endsWith("/applications/{id}/egress")) repairEgress(body, random);
  // What a stored deployment and an application never change.
  const isPatch = operationPath.endsWith("}/v2");
  for (const field of isPatch ? ["network", "ports", "authorized_keys", "trusted_user_ca_keys", "wrangler_ssh"] : []) {
    delete body[field];
  }
  // Which there are, is known to who took them.
  if (operationPath.endsWith("/start")) delete body["snapshot"];
  // Of a deployment that belongs to an application, nothing is given.
  if (operationPath.endsWith("/applications/{id}/deployments/{deployment}/recreate")) return {};
  const isChange = operationPath.endsWith("/applications/{id}");
  // Both never change after the creation.
  if (isChange) for (const field of ["name", "durable_objects"]) delete body[field];
  for (const configuration of [body["configuration"], body["target_configuration"], body]) {
    if (isRecord(configuration)) repairConfiguration(configuration);
  }
  if (isRecord(body["configuration"]) && body["observability"] !== undefined) {
    delete body["configuration"]["observability"];
  }
  return body;
}

/** One measure, bounds that fit each other and the rest. */
function repairAutoscaling(body: Record<string, unknown>, random: Random): void {
  const { autoscaling, max_instances: maximum, configuration } = body;
  // Only who is called by name sleeps.
  if (isRecord(configuration) && !body["named_instances"]) delete configuration["sleep_after"];
  if (!isRecord(autoscaling)) return;
  if (maximum === 0) {
    delete body["autoscaling"];
    return;
  }
  const measures = ["target_concurrency", "target_rps", "queue_depth"] as const;
  const measure = random.pick(measures);
  for (const name of measures) delete autoscaling[name];
  autoscaling[measure] = random.between(1, 100);
  const most = typeof maximum === "number" ? maximum : MAX_INSTANCES;
  autoscaling["max"] = Math.min(Math.max(1, Number(autoscaling["max"])), most);
  autoscaling["min"] = Math.min(Number(autoscaling["min"]), Number(autoscaling["max"]));
  if (Number(autoscaling["min"]) > 0) delete autoscaling["idle_after"];
}

function repairConfiguration(configuration: Record<string, unknown>): void {
  if (configuration["instance_type"] !== undefined) for (const size of SIZES) delete configuration[size];
  if (configuration["entrypoint"] === undefined) delete configuration["command"];
  unique(configuration["environment_variables"], 200);
  unique(configuration["labels"], 8);
  const { secrets } = configuration;
  if (Array.isArray(secrets) && secrets.some((item) => isRecord(item) && item["secret"] === "none")) {
    delete configuration["secrets"];
  }
  if (Array.isArray(configuration["secrets"])) unique(configuration["secrets"], 200);
  if (configuration["ports"] === undefined && configuration["checks"] !== undefined) configuration["ports"] = PORTS[0];
  if (
    configuration["ssh_public_key_ids"] !== undefined &&
    (configuration["ssh_public_key_ids"] as unknown[]).length === 0
  ) {
    delete configuration["ssh_public_key_ids"];
  }
}

function repairRegistry(body: Record<string, unknown>): void {
  const auth = body["auth"];
  const isStored =
    isRecord(auth) && isRecord(auth["private_credential"]) && auth["private_credential"]["store_id"] !== "none";
  if (!isStored || auth["private_credential"] === undefined) {
    delete body["auth"];
    delete body["kind"];
    body["is_public"] ??= true;
    return;
  }
  delete body["is_public"];
  body["kind"] = "DockerHub";
  body["domain"] = "docker.io";
}

/** What the rest of the walk lives from stays as it is: limits are raised, and locations stay open. */
function repairAccount(body: Record<string, unknown>): void {
  delete body["locations"];
  if (body["limits"] !== undefined) body["limits"] = { total_instances: 100_000, ipv4s: 4_000 };
  if (!isRecord(body["defaults"])) return;
  if (body["defaults"]["memory"] !== undefined) delete body["defaults"]["memory_mib"];
}

/** Gives the items of a list names of their own. */
function unique(items: unknown, maxLength: number): void {
  if (!Array.isArray(items)) return;
  items.forEach((item: unknown, index) => {
    if (!isRecord(item) || typeof item["name"] !== "string") return;
    item["name"] = `${item["name"].slice(0, maxLength)}${index}`;
  });
}

/** A broken body may still be good: what it would then start, or forbid to all later ones, stays small. */
export function tame(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { instances, limits, locations } = value;
  if (typeof instances === "number" && instances > MAX_INSTANCES && instances <= 10_000) {
    return { ...value, instances: MAX_INSTANCES };
  }
  if (isRecord(limits) || Array.isArray(locations)) return { ...value, limits: { unknown: 1 } };
  return value;
}

/** `ssh-ed25519 <base64>`: the key's type and 32 bytes, each after its length. */
function sshKey(random: Random): string {
  const type = Buffer.from("ssh-ed25519");
  const key = Buffer.from(Array.from({ length: 32 }, () => random.between(0, 255)));
  return `ssh-ed25519 ${Buffer.concat([lengthOf(type), type, lengthOf(key), key]).toString("base64")}`;
}

function lengthOf(bytes: Buffer): Buffer {
  return Buffer.from([0, 0, 0, bytes.length]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
