/** What a schema cannot say about good input: which images there are, and which fields agree with which. */
import type { Random } from "../simulation/random.ts";
import type { JsonSchema } from "../../src/api/openapi/schemas.ts";

/** Names are few, so that they collide now and then. */
const NAMES = 400;
/** What a test's control plane can hold without the walk being about nothing else. */
const MAX_INSTANCES = 2;

/** The value of a field, or undefined to leave it to its schema. */
export function hint(path: readonly string[], schema: JsonSchema, random: Random): unknown {
  const name = path.at(-1) ?? "";
  const seconds = [schema["x-minimum-seconds"], schema["x-maximum-seconds"]];
  if (typeof seconds[0] === "number" && typeof seconds[1] === "number") {
    const value = Math.min(seconds[1], seconds[0] + random.between(0, 9));
    return random.chance(0.5) ? value : `${value}s`;
  }
  if (name === "image") return "hello-world";
  if (name === "instances" || name === "max_instances")
    return random.chance(0.4) ? random.between(1, MAX_INSTANCES) : 0;
  if (name === "name" && path.length === 1) return `n${random.between(1, NAMES)}`;
  return undefined;
}

/** Makes the fields of a body agree, where their schema accepts more than the API does. */
export function repair(body: unknown, random: Random): unknown {
  if (!isRecord(body)) return body;
  const { instances, max_instances: maximum } = body;
  if (typeof instances === "number" && typeof maximum === "number" && instances > maximum) body["instances"] = maximum;
  if (body["ttl"] !== undefined) delete body["expires_at"];
  if (Array.isArray(body["scopes"]) && body["scopes"].includes("admin")) delete body["applications"];
  for (const configuration of [body["configuration"], body["target_configuration"], body]) {
    if (isRecord(configuration)) repairConfiguration(configuration, random);
  }
  return body;
}

function repairConfiguration(configuration: Record<string, unknown>, random: Random): void {
  const { ports, checks, environment_variables: variables, labels } = configuration;
  if (configuration["instance_type"] !== undefined) {
    for (const size of ["vcpu", "memory_mib", "disk"]) delete configuration[size];
  }
  if (configuration["entrypoint"] === undefined) delete configuration["command"];
  unique(variables, 0);
  unique(labels, 8);
  unique(ports, 8);
  if (!Array.isArray(checks)) return;
  const names = Array.isArray(ports) ? ports.map((port: unknown) => (isRecord(port) ? port["name"] : "")) : [];
  if (names.length === 0) delete configuration["checks"];
  for (const check of checks) {
    if (!isRecord(check)) continue;
    check["port"] = names[random.between(0, names.length - 1)];
    if (check["type"] === "tcp") delete check["http"];
    else check["http"] ??= { path: "/" };
    const { http } = check;
    if (!isRecord(http)) continue;
    const hasBody = ["POST", "PUT", "PATCH"].includes(String(http["method"]));
    if (hasBody) http["body"] ??= "x";
    else delete http["body"];
  }
}

/** Gives the items of a list names of their own; 0 keeps them as long as they are. */
function unique(items: unknown, maxLength: number): void {
  if (!Array.isArray(items)) return;
  items.forEach((item: unknown, index) => {
    if (!isRecord(item) || typeof item["name"] !== "string") return;
    const start = maxLength === 0 ? item["name"].slice(0, 200) : item["name"].slice(0, maxLength);
    item["name"] = `${start.replaceAll("--", "a").replace(/-$/, "")}${index}`;
  });
}

/** A broken body may still be good: what it would then start stays small. */
export function tame(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { instances } = value;
  if (typeof instances === "number" && instances > MAX_INSTANCES && instances <= 10_000) {
    return { ...value, instances: MAX_INSTANCES };
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
