/**
 * What workerd last said the container may reach. Calls repeat, and some carry only a part: what they leave out stays.
 */
import { type HostnameMatcher, matcherOf } from "./hostname-pattern.ts";

export interface EgressPolicy {
  /** workerd's listener on the host. */
  readonly port: number;
  readonly internet: boolean;
  readonly mayResolve: HostnameMatcher;
}

export function initialPolicy(port: number): EgressPolicy {
  return { port, internet: false, mayResolve: matcherOf([]) };
}

/** The policy after a `PUT /egress` with this body, or undefined where the body makes no sense. */
export function afterUpdate(policy: EgressPolicy, body: string): EgressPolicy | undefined {
  const update = parseObject(body);
  if (update === undefined) return undefined;
  const port = update["port"];
  const internet = asObject(update["internet"])?.["enabled"];
  const names = asObject(update["dns"])?.["allowHostnames"];
  return {
    port: typeof port === "number" ? port : policy.port,
    internet: typeof internet === "boolean" ? internet : policy.internet,
    mayResolve: Array.isArray(names) ? matcherOf(names.filter((name) => typeof name === "string")) : policy.mayResolve,
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}
