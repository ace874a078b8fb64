/** Policies of egress whose fields agree: hosts are hosts, and Workers and bindings are there. */
import type { Random } from "../simulation/random.ts";

const HOSTS: readonly [string, ...string[]] = [
  "api.example.com",
  "*.example.org",
  "Bücher.example",
  "10.0.0.0/8",
  "192.0.2.7",
  "[2001:db8::1]",
];

/** The value of a field of a policy, or undefined. */
export function egressHint(path: readonly string[], random: Random): unknown {
  const name = path.at(-1) ?? "";
  if (["hosts", "set_allowed", "set_denied"].includes(name)) return hosts(random);
  if (["allow", "deny"].includes(name)) {
    // Of an instance, hosts alone.
    if (path.length === 1) return hosts(random);
    return random.chance(0.5) ? hosts(random) : [rule(random)];
  }
  // What is on no list cannot always be taken off it.
  if (["remove_allowed", "remove_denied"].includes(name)) return [];
  return undefined;
}

export function repairEgress(policy: Record<string, unknown>, random: Random): void {
  const { allow, deny, credentials, handlers } = policy;
  if (Array.isArray(allow) && random.chance(0.3)) policy["allow"] = [rule(random), random.pick(HOSTS)];
  if (Array.isArray(deny) && random.chance(0.3)) policy["deny"] = [rule(random)];
  if (Array.isArray(credentials)) {
    const { secret = "none" } = (credentials[0] ?? {}) as { secret?: string };
    if (secret === "none") delete policy["credentials"];
    else policy["credentials"] = [credential(secret, random)];
  }
  if (Array.isArray(handlers)) policy["handlers"] = [{ hosts: hosts(random), methods: ["GET"], binding: "FUNCTIONS" }];
  if (Array.isArray(policy["internal"])) policy["internal"] = random.chance(0.5) ? ["*"] : ["web", "n1"];
  if (Array.isArray(policy["registry"])) policy["registry"] = random.chance(0.5) ? ["*"] : ["team/web", "lib/*"];
  // The walk's control plane is bound to none.
  delete policy["bindings"];
  if (policy["open"] !== true) return;
  for (const field of Object.keys(policy)) if (field !== "internal") delete policy[field];
  Object.assign(policy, { default: "allow", open: true });
}

function hosts(random: Random): string[] {
  return [...new Set([random.pick(HOSTS), random.pick(HOSTS)])];
}

function rule(random: Random): object {
  return {
    host: random.pick(HOSTS),
    ...(random.chance(0.5) ? { ports: [443] } : {}),
    ...(random.chance(0.5) ? { methods: ["GET", "POST"] } : {}),
  };
}

function credential(secret: string, random: Random): object {
  return {
    hosts: hosts(random),
    header: "Authorization",
    secret,
    ...(random.chance(0.5) ? { prefix: "Bearer " } : {}),
    ...(random.chance(0.5) ? { paths: ["/v1/*"] } : {}),
  };
}
