/**
 * What an apply does, from what is wanted, what there is and whose it is. Pure: an empty plan is the usual one, and the
 * same world gives the same plan.
 */
import { problem, type Problem } from "../problems.ts";
import type { Change, Comparison, InstanceCounts, Live } from "./driver.ts";
import { deletionRank, isOwned, isPart, type Kind } from "./kinds.ts";
import { keyOf, partsOfName, type Resource } from "./resource.ts";

export type Action = "create" | "update" | "replace" | "adopt" | "delete" | "none";

export interface Step {
  readonly kind: Kind;
  readonly name: string;
  readonly action: Action;
  /** It is nobody's, and becomes the owner's. */
  readonly adopts: boolean;
  readonly reason: string | null;
  readonly changes: readonly Change[];
  readonly instances: InstanceCounts | null;
  /** Keys of what must be done before. */
  readonly dependsOn: readonly string[];
}

export interface Assessed {
  readonly resource: Resource;
  readonly live: Live | null;
  /** Null: nobody's. */
  readonly owner: string | null;
  readonly comparison: Comparison;
  readonly dependsOn: readonly string[];
  /** It stays as it is, whoever has made it. */
  readonly isLookUp: boolean;
}

export interface PlanOptions {
  readonly owner: string;
  readonly adopt: boolean;
  readonly prune: boolean;
  readonly allowReplace: boolean;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** The owner's, and not declared any more: what `prune` would delete. */
  readonly left: readonly string[];
  readonly problems: readonly Problem[];
}

export interface OwnedThing {
  readonly kind: Kind;
  readonly name: string;
}

/** `assessed` in order; `owned`: what is the owner's. */
export function planOf(assessed: readonly Assessed[], owned: readonly OwnedThing[], options: PlanOptions): Plan {
  const problems: Problem[] = [];
  const steps = assessed.map((one) => stepOf(one, options, problems));
  const declared = new Set(assessed.map(({ resource }) => keyOf(resource)));
  const gone = owned.filter((thing) => !declared.has(keyOf(thing)));
  if (!options.prune) return { steps, left: gone.map(keyOf), problems };
  return { steps: [...steps, ...deletions(gone, "is not declared any more")], left: [], problems };
}

/** Users before what they use. */
export function deletions(things: readonly OwnedThing[], reason: string): Step[] {
  return things
    .toSorted((a, b) => deletionRank(a.kind) - deletionRank(b.kind))
    .map(({ kind, name }) => ({
      kind,
      name,
      reason,
      action: "delete",
      adopts: false,
      changes: [],
      instances: null,
      dependsOn: [],
    }));
}

function stepOf(one: Assessed, { owner, adopt, allowReplace }: PlanOptions, problems: Problem[]): Step {
  const { resource, live, comparison, dependsOn, isLookUp } = one;
  const { kind, name, origin } = resource;
  const refuse = (message: string) => void problems.push(problem(message, { origin, resource: keyOf(resource) }));
  const { changes, instances, replace } = comparison;
  const step = { kind, name, adopts: false, reason: null, changes, instances, dependsOn };
  if (isLookUp) return { ...step, action: "none" };
  // A rollout of what is only being made has nothing to do.
  if (live === null) return { ...step, action: kind === "rollout" ? "none" : "create" };
  const isNobodys = isOwned(kind) && one.owner === null;
  if (isOwned(kind) && one.owner !== null && one.owner !== owner) {
    const way = isPart(kind) ? givenUpAt(name) : `/owners/${kind}/${name}`;
    refuse(`belongs to ${one.owner}: take it out of this manifest, or have that give it up (DELETE ${way})`);
  } else if (isNobodys && !adopt) {
    refuse("exists already and is nobody's: give --adopt to make it this owner's, or take another name");
  }
  if (replace !== null) {
    const reason = `${replace}: it is deleted and made again`;
    if (!allowReplace) refuse(`${reason}, which needs --allow-replace`);
    return { ...step, action: "replace", reason };
  }
  if (changes.length > 0) return { ...step, action: "update", adopts: isNobodys, reason: comparison.note ?? null };
  return { ...step, action: isNobodys ? "adopt" : "none", adopts: isNobodys };
}

function givenUpAt(part: string): string {
  const { application, name } = partsOfName(part);
  return `/applications/${application}/schedules/${name}/owner`;
}

export function isEmpty({ steps }: Plan): boolean {
  return steps.every(({ action }) => action === "none");
}
