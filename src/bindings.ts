/**
 * Workers that this control plane was deployed with, by the names of their service bindings: what applications call back
 * (`bridge`) and what hears of their containers (`hooks`).
 */
import { GantryError } from "./errors.ts";

/** Bound for Gantry's own use. */
const OWN: ReadonlySet<string> = new Set(["ASSETS"]);

/** What applications may name, in order. */
export function serviceBindings(env: Env): string[] {
  return Object.entries(env)
    .filter(([name, value]) => !OWN.has(name) && isService(value))
    .map(([name]) => name)
    .toSorted();
}

/** Null when there is none of that name. */
export function serviceBinding(env: Env, name: string): Record<string, unknown> | null {
  const value = Object.hasOwn(env, name) && !OWN.has(name) ? (env as unknown as Record<string, unknown>)[name] : null;
  return isService(value) ? (value as Record<string, unknown>) : null;
}

/** Refused at admission: a name that is not there would be found out only when it is needed. */
export function requireServiceBinding(env: Env, field: string, name: string | undefined): void {
  if (name === undefined || serviceBinding(env, name) !== null) return;
  const known = serviceBindings(env);
  const has = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
  const reason = `must name a service binding of the control plane: ${has}; services[] of its wrangler.jsonc adds one`;
  throw new GantryError("VALIDATE_INPUT", `${field}.binding: ${reason}`, { [`${field}.binding`]: reason });
}

function isService(value: unknown): boolean {
  return typeof value === "object" && value !== null && value.constructor.name === "Fetcher";
}
