/** Policies and changes of them in a line, for events. */
import type { OverrideChange } from "./overrides.ts";
import type { EgressPolicy } from "./policy.ts";

export function describeEgress(policy: EgressPolicy | null): string {
  if (policy === null) return "nothing outside is reached";
  if (policy.open) return "the platform's own way to the internet, from the next start on";
  const parts = [
    policy.allow === undefined
      ? `${policy.default === "allow" ? "everything is allowed" : "everything is denied"} by default`
      : `${count(policy.allow.length, "rule")} of what is allowed`,
    ...(policy.deny.length === 0 ? [] : [`${count(policy.deny.length, "rule")} of what is denied`]),
    ...(policy.interceptHttps ? [] : ["no HTTPS"]),
    ...(policy.credentials.length === 0 ? [] : [count(policy.credentials.length, "credential")]),
    ...(policy.handlers.length === 0 ? [] : [count(policy.handlers.length, "handler")]),
    ...(policy.internal.length === 0 ? [] : [`applications: ${policy.internal.join(", ")}`.slice(0, 200)]),
    ...(policy.bindings.length === 0 ? [] : [count(policy.bindings.length, "binding")]),
    ...(policy.registry === undefined ? [] : [`images: ${policy.registry.join(", ")}`.slice(0, 200)]),
  ];
  return parts.join("; ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

const MOST_SHOWN = 300;

export function describeChange(change: OverrideChange): string {
  const parts = Object.entries(change).flatMap(([field, hosts]: [string, readonly string[] | null | undefined]) => {
    if (hosts === undefined) return [];
    return [`${field} ${hosts === null ? "as the policy has it" : hosts.length === 0 ? "nothing" : hosts.join(", ")}`];
  });
  return parts.join("; ").slice(0, MOST_SHOWN);
}
