/** What of a binding an application may use. Prefixes are text: `a` is also a prefix of `ab`. */
import { GantryError } from "../../errors.ts";
import type { BindingGrant } from "../policy/policy.ts";
import type { BindingType } from "./known.ts";

export type Access = BindingGrant["access"];

export interface Wanted {
  readonly type: BindingType;
  readonly binding: string;
  /** A key, the name of an object, or the prefix of a list. */
  readonly key: string;
  readonly access: Access;
}

/** Stands in a prefix for what the calling instance is called by. */
export const NAME_IN_PREFIX = "{name}";

/**
 * What is granted to one instance. Its name is percent-encoded, so that no name is a part of another's way; a member of the
 * pool has none, and nothing of what is granted by name.
 */
export function grantsOfInstance(grants: readonly BindingGrant[], name: string | null): readonly BindingGrant[] {
  return grants.flatMap((grant) => {
    if (!grant.prefix.includes(NAME_IN_PREFIX)) return [grant];
    return name === null
      ? []
      : [{ ...grant, prefix: grant.prefix.replaceAll(NAME_IN_PREFIX, () => encodeURIComponent(name)) }];
  });
}

export function requireGrant(grants: readonly BindingGrant[], wanted: Wanted): void {
  const isGranted = grantsOf(grants, wanted).some(
    ({ prefix, access }) => wanted.key.startsWith(prefix) && covers(access, wanted.access),
  );
  if (!isGranted) throw notGranted(grants, wanted);
}

/** The prefix that is listed: what was asked for, as far as it is granted. */
export function grantedPrefix(grants: readonly BindingGrant[], wanted: Wanted): string {
  const prefixes = grantsOf(grants, wanted).map(({ prefix }) => prefix);
  if (prefixes.some((prefix) => wanted.key.startsWith(prefix))) return wanted.key;
  const within = prefixes.filter((prefix) => prefix.startsWith(wanted.key));
  const widest = [...new Set(within)].filter((prefix) =>
    within.every((other) => other === prefix || !prefix.startsWith(other)),
  );
  const [only, ...others] = widest;
  if (only === undefined) throw notGranted(grants, wanted);
  if (others.length === 0) return only;
  const names = widest.map((prefix) => JSON.stringify(prefix)).join(", ");
  const message = `the application may list ${names} of binding ${shown(wanted.binding)}, one at a time: set prefix to one`;
  throw new GantryError("BINDING_NOT_GRANTED", message, { binding: shown(wanted.binding), prefixes: widest });
}

function grantsOf(grants: readonly BindingGrant[], { type, binding }: Wanted): BindingGrant[] {
  return grants.filter((grant) => grant.type === type && grant.binding === binding);
}

function covers(granted: Access, wanted: Access): boolean {
  return granted === "write" || wanted === "read";
}

function notGranted(grants: readonly BindingGrant[], wanted: Wanted): GantryError {
  const { type, access } = wanted;
  const binding = shown(wanted.binding);
  const key = shown(wanted.key);
  const needed = JSON.stringify({ type, binding, prefix: key, access });
  const has = grantsOf(grants, wanted).map((grant) => `${grant.access} ${JSON.stringify(grant.prefix)}`);
  const message =
    `the application may not ${access} ${JSON.stringify(key)} of ${type} binding ${binding}: ` +
    `egress.bindings of it needs ${needed}, or one with a shorter prefix`;
  return new GantryError("BINDING_NOT_GRANTED", message, { type, binding, key, access, needed, granted: has });
}

export function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
