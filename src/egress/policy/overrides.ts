/**
 * What is allowed and denied for one instance while it runs. A change does what it says and nothing beside: allowing one
 * host never cuts off the others, and a removal after which the host is reached all the same is refused.
 */
import { isInRange, parseRange } from "./address.ts";
import { hostPattern } from "./host.ts";
import type { EgressOverrides, EgressPolicy, EgressRule, HostPattern, ListOverride } from "./policy.ts";

/** Of each list of an instance. */
export const MAX_OVERRIDES = 256;

/** As it is on the wire. Lists are set first, then added to, then removed from. */
export interface OverrideChange {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly remove_allowed?: readonly string[] | undefined;
  readonly remove_denied?: readonly string[] | undefined;
  /** Null: the policy's own list again, without what was added and removed. */
  readonly set_allowed?: readonly string[] | null | undefined;
  readonly set_denied?: readonly string[] | null | undefined;
}

/** The field at fault, such as `allow[2]`, and why, with what to do. */
export interface OverrideProblem {
  readonly field: string;
  readonly problem: string;
}

/** Whether anything was changed for the instance. */
export function isChanged({ allow, deny }: EgressOverrides): boolean {
  return [allow, deny].some(({ set, added, removed }) => set !== null || added.length > 0 || removed.length > 0);
}

/** The policy that holds for the instance. */
export function effectivePolicy(policy: EgressPolicy, overrides: EgressOverrides): EgressPolicy {
  const { allow: ownAllow, ...rest } = policy;
  const allow = allowList(policy, ownAllow, overrides.allow);
  const deny = ruleList(policy.deny, overrides.deny);
  return {
    ...rest,
    ...(allow === undefined ? {} : { allow }),
    deny,
    // Past the policy goes only what it does not restrict.
    open: policy.open && allow === undefined && deny.length === 0,
  };
}

export function changeOverrides(
  overrides: EgressOverrides,
  policy: EgressPolicy,
  change: OverrideChange,
): EgressOverrides | OverrideProblem {
  const allow = changeList(overrides.allow, policy.allow ?? [], {
    set: ["set_allowed", change.set_allowed],
    add: ["allow", change.allow],
    remove: ["remove_allowed", change.remove_allowed],
  });
  if ("problem" in allow) return allow;
  const deny = changeList(overrides.deny, policy.deny, {
    set: ["set_denied", change.set_denied],
    add: ["deny", change.deny],
    remove: ["remove_denied", change.remove_denied],
  });
  if ("problem" in deny) return deny;
  const changed = { allow: allow.list, deny: deny.list };
  return (
    withoutEffect(policy, change) ??
    stillAllowed(policy, changed, allow.removed) ??
    stillDenied(policy, changed, deny.removed) ??
    changed
  );
}

/** Without a list of the policy's, what is added makes one only where all else is denied anyhow. */
function allowList(
  policy: EgressPolicy,
  own: readonly EgressRule[] | undefined,
  override: ListOverride,
): readonly EgressRule[] | undefined {
  if (own !== undefined || override.set !== null) return ruleList(own ?? [], override);
  return policy.default === "deny" && override.added.length > 0 ? ruleList([], override) : undefined;
}

function ruleList(own: readonly EgressRule[], { set, added, removed }: ListOverride): readonly EgressRule[] {
  const base = set === null ? own : set.map((host) => ({ host }));
  const kept = base.filter(({ host }) => !removed.includes(host));
  const whole = new Set(kept.filter(isWhole).map(({ host }) => host));
  return [...kept, ...added.filter((host) => !whole.has(host)).map((host) => ({ host }))];
}

/** Whether a rule is of all that its host has. */
function isWhole({ ports, methods }: EgressRule): boolean {
  return ports === undefined && methods === undefined;
}

interface ListChange {
  readonly set: readonly [field: string, hosts: readonly string[] | null | undefined];
  readonly add: readonly [field: string, hosts: readonly string[] | undefined];
  readonly remove: readonly [field: string, hosts: readonly string[] | undefined];
}

interface ChangedList {
  readonly list: ListOverride;
  readonly removed: readonly Removed[];
}

interface Removed {
  readonly field: string;
  readonly host: HostPattern;
  readonly wasListed: boolean;
}

function changeList(
  before: ListOverride,
  own: readonly EgressRule[],
  { set, add, remove }: ListChange,
): ChangedList | OverrideProblem {
  const base = set[1] === undefined ? before : setList(set[0], set[1]);
  if ("problem" in base) return base;
  const added = patternsOf(add[0], add[1] ?? []);
  if ("problem" in added) return added;
  const removed = patternsOf(remove[0], remove[1] ?? []);
  if ("problem" in removed) return removed;
  const both = removed.findIndex((host) => added.includes(host));
  if (both !== -1) return { field: `${remove[0]}[${both}]`, problem: `is in ${add[0]} too: say one of them` };

  const list = removeFrom(addTo(base, added), removed, own);
  const taken = removed.map((host, index) => ({
    field: `${remove[0]}[${index}]`,
    host,
    wasListed: isListed(base, own, host),
  }));
  if ((list.set ?? []).length > MAX_OVERRIDES) return tooMany(set[1] === undefined ? add[0] : set[0]);
  if (list.added.length > MAX_OVERRIDES) return tooMany(add[0]);
  if (list.removed.length > MAX_OVERRIDES) return tooMany(remove[0]);
  return { list, removed: taken };
}

function setList(field: string, hosts: readonly string[] | null): ListOverride | OverrideProblem {
  if (hosts === null) return { set: null, added: [], removed: [] };
  const patterns = patternsOf(field, hosts);
  return "problem" in patterns ? patterns : { set: [...new Set(patterns)], added: [], removed: [] };
}

function addTo(list: ListOverride, hosts: readonly HostPattern[]): ListOverride {
  if (list.set !== null) return { ...list, set: [...new Set([...list.set, ...hosts])] };
  return {
    set: null,
    added: [...new Set([...list.added, ...hosts])],
    removed: list.removed.filter((host) => !hosts.includes(host)),
  };
}

/** Only what is the policy's is remembered as removed: what it names later is not meant. */
function removeFrom(list: ListOverride, hosts: readonly HostPattern[], own: readonly EgressRule[]): ListOverride {
  if (list.set !== null) return { ...list, set: list.set.filter((host) => !hosts.includes(host)) };
  const ofPolicy = hosts.filter((host) => own.some((rule) => rule.host === host));
  return {
    set: null,
    added: list.added.filter((host) => !hosts.includes(host)),
    removed: [...new Set([...list.removed, ...ofPolicy])],
  };
}

function isListed({ set, added }: ListOverride, own: readonly EgressRule[], host: HostPattern): boolean {
  return set === null ? added.includes(host) || own.some((rule) => rule.host === host) : set.includes(host);
}

function patternsOf(field: string, hosts: readonly string[]): readonly HostPattern[] | OverrideProblem {
  const patterns: HostPattern[] = [];
  for (const [index, host] of hosts.entries()) {
    const result = hostPattern(host);
    if ("problem" in result) return { field: `${field}[${index}]`, problem: result.problem };
    patterns.push(result.pattern);
  }
  return patterns;
}

function tooMany(field: string): OverrideProblem {
  return {
    field,
    problem: `would make a list of more than ${MAX_OVERRIDES} entries: name whole domains such as *.example.com, or put them into the application's policy`,
  };
}

function withoutEffect(policy: EgressPolicy, change: OverrideChange): OverrideProblem | null {
  if (!policy.open) return null;
  const field = (["set_allowed", "set_denied", "allow", "deny"] as const).find(
    (name) => change[name]?.length !== undefined,
  );
  if (field === undefined) return null;
  return { field, problem: "has no effect, since egress of the application is open: set open to false in its policy" };
}

function stillAllowed(
  policy: EgressPolicy,
  overrides: EgressOverrides,
  removed: readonly Removed[],
): OverrideProblem | null {
  const { allow, default: byDefault } = effectivePolicy(policy, overrides);
  for (const { field, host, wasListed } of removed) {
    // What was added there had no effect, and may be taken back.
    if (allow === undefined && byDefault === "allow" && !wasListed) {
      return { field, problem: "is in no list, and allowed like all that is not denied: use deny in its place" };
    }
    const by = allow?.find((rule) => covers(rule.host, host));
    if (by !== undefined) {
      return { field, problem: `${placeOf(wasListed)} allowed by ${by.host}: remove that, or use deny in its place` };
    }
  }
  return null;
}

function stillDenied(
  policy: EgressPolicy,
  overrides: EgressOverrides,
  removed: readonly Removed[],
): OverrideProblem | null {
  const { deny } = effectivePolicy(policy, overrides);
  for (const { field, host, wasListed } of removed) {
    const by = deny.find((rule) => covers(rule.host, host));
    if (by !== undefined) return { field, problem: `${placeOf(wasListed)} denied by ${by.host}: remove that` };
  }
  return null;
}

function placeOf(wasListed: boolean): string {
  return wasListed ? "is also" : "is not in the list, and";
}

/** Whether one pattern matches all that the other does. */
function covers(wide: HostPattern, narrow: HostPattern): boolean {
  if (wide === narrow) return true;
  if (wide.startsWith("*.")) return narrow.endsWith(wide.slice(1));
  const [wideRange, narrowRange] = [parseRange(wide), parseRange(narrow)];
  if (wideRange === null || narrowRange === null) return false;
  return wideRange.bits <= narrowRange.bits && isInRange(narrowRange, wideRange);
}
