/** Each resource beside what there is of it: references resolved, the difference found. */
import { describeFailure, isCode, type Api } from "../api.ts";
import type { Io } from "../io.ts";
import { problem, type Problem } from "../problems.ts";
import { GantryError } from "../../src/sdk/client/index.ts";
import { ID_TO_COME } from "./check.ts";
import { SAME, type Change, type Wanted } from "./driver.ts";
import { DRIVERS } from "./drivers/index.ts";
import { isPart, type Kind } from "./kinds.ts";
import { dependenciesOf } from "./order.ts";
import type { Assessed } from "./plan.ts";
import { resolveSpec, type Resolution } from "./resolve.ts";
import { isObject, keyOf, Reference, type Json, type JsonObject, type Resource, textOf } from "./resource.ts";
import type { World } from "./world.ts";

export interface Assessing {
  readonly api: Api;
  readonly world: World;
  readonly io: Pick<Io, "env">;
  /** In order. */
  readonly resources: readonly Resource[];
  readonly coming: Set<string>;
  /** Names of the images that the manifest builds. */
  readonly built: ReadonlySet<string>;
}

/** The resource with what a write of it needs. */
export interface Prepared {
  readonly assessed: Assessed;
  readonly wanted: Wanted;
  readonly pending: readonly string[];
  /** The image that it builds and that the control plane does not have yet; null: nothing is lacking. */
  readonly lacks: string | null;
}

export async function assessAll(deps: Assessing): Promise<{ prepared: Prepared[]; problems: Problem[] }> {
  const prepared: Prepared[] = [];
  const problems: Problem[] = [];
  for (const resource of deps.resources) {
    const one = await assess(deps, resource);
    if (Array.isArray(one)) problems.push(...one);
    else {
      prepared.push(one);
      const { live, comparison, isLookUp } = one.assessed;
      if (!isLookUp && (live === null || comparison.replace !== null)) deps.coming.add(keyOf(resource));
    }
  }
  return { prepared, problems };
}

/** A list of problems when it cannot be. */
export async function assess(deps: Assessing, resource: Resource): Promise<Prepared | Problem[]> {
  const { api, world, io, resources, coming } = deps;
  const key = keyOf(resource);
  const refuse = (message: string, field = "") => problem(message, { origin: resource.origin, resource: key, field });
  const known = new Map(resources.map((one) => [keyOf(one), one]));
  const dependsOn = dependenciesOf(resource, known);
  const resolved = await resolveSpec(resource, deps);
  if ("missing" in resolved) {
    return resolved.missing.map(({ field, reference }) =>
      refuse(`there is no ${reference}: declare it, or mend the name`, field),
    );
  }
  const { kind, name } = resource;
  const source = kind === "secret" ? resource.spec["value"] : undefined;
  const isLookUp = isObject(source) && "store" in source;
  const context = { io, resource, coming, known };
  const subject = kind === "rollout" ? keyOf({ kind: "application", name: applicationOf(resolved) }) : key;
  const application = isPart(kind) ? keyOf({ kind: "application", name: applicationOf(resolved) }) : null;
  // With an application that is made anew its own are, too.
  const live = application !== null && coming.has(application) ? null : (world.live.get(subject) ?? null);
  if (application !== null && !coming.has(application) && !world.live.has(application)) {
    return [refuse(`there is no ${application}: declare it, or mend the name`, "spec.application")];
  }
  const base = { resource, live, owner: world.owners.get(key) ?? null, dependsOn, isLookUp };
  if (isLookUp && live === null) {
    return [refuse('is not in the account\'s Secrets Store: put it there, or give { env: "NAME" }', "spec.value")];
  }
  const whole =
    kind === "rollout" ? await wholeOf(deps, resource, resolved, refuse) : { body: resolved.body, pending: [] };
  if (Array.isArray(whole)) return whole;
  const wanted: Wanted = {
    api,
    name,
    body: whole.body,
    isPending: [...resolved.pending, ...whole.pending].length > 0 || dependsOn.some((one) => coming.has(one)),
    defaults: world.defaults,
    isRolledOut: resources.some((one) => kind === "application" && one.kind === "rollout" && rolls(one, name)),
    live,
  };
  const pending = [...resolved.pending, ...whole.pending];
  if (isLookUp) return { assessed: { ...base, comparison: SAME }, wanted, pending, lacks: null };
  try {
    const { compared, lacks } = await comparedWith(deps, kind, wanted);
    const comparison = pending.length === 0 ? compared : { ...compared, changes: compared.changes.map(withIdsToCome) };
    const lacking = comparison.changes.length === 0 ? null : lackingValue(context);
    if (lacking !== null) return [refuse(lacking, "spec.value")];
    return { assessed: { ...base, comparison }, wanted, pending, lacks };
  } catch (error) {
    // What the API refuses of this one says nothing of the others; anything else ends all of it.
    if (!GantryError.is(error) || (error.status ?? 500) >= 500 || isCode(error, "UNAUTHORIZED")) throw error;
    return [refuse(describeFailure(error))];
  }
}

/** What the control plane cannot plan since it has to be built with the image first is compared here. */
async function comparedWith({ built }: Assessing, kind: Kind, wanted: Wanted) {
  try {
    return { compared: await DRIVERS[kind].compare(wanted), lacks: null };
  } catch (error) {
    const image = imageOf(wanted.body);
    if (!isCode(error, "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE") || !built.has(image)) throw error;
    return { compared: await DRIVERS[kind].compare({ ...wanted, isPending: true }), lacks: image };
  }
}

/** Of an application, or of a rollout of one. */
function imageOf(body: JsonObject): string {
  const whole = isObject(body["whole"]) ? body["whole"] : body;
  const { configuration } = whole;
  return isObject(configuration) ? textOf(configuration["image"]) : "";
}

/** People see that there is an id to come, and not one that nobody has. */
function withIdsToCome(change: Change): Change {
  const text = JSON.stringify(change.to).replaceAll(ID_TO_COME, "(known when it is made)");
  return { ...change, to: JSON.parse(text) as Json };
}

function applicationOf({ body }: Resolution): string {
  return textOf(body["application"]);
}

function rolls({ spec }: Resource, name: string): boolean {
  const { application } = spec;
  return application instanceof Reference ? application.name === name : application === name;
}

/** A rollout's body with that of its application. */
async function wholeOf(
  deps: Assessing,
  rollout: Resource,
  resolved: Resolution,
  refuse: (message: string, field: string) => Problem,
): Promise<{ body: JsonObject; pending: readonly string[] } | Problem[]> {
  const name = applicationOf(resolved);
  const hasVersion = resolved.body["target_version"] !== undefined;
  const application = deps.resources.find((one) => one.kind === "application" && one.name === name);
  const others = deps.resources.filter((one) => one.kind === "rollout" && one !== rollout && rolls(one, name));
  if (others[0] !== undefined) return [refuse(`has a second rollout: ${keyOf(others[0])}`, "spec.application")];
  if (application === undefined) {
    if (!deps.world.live.has(keyOf({ kind: "application", name }))) {
      return [refuse(`there is no application ${name}: declare it, or mend the name`, "spec.application")];
    }
    if (hasVersion) return { body: resolved.body, pending: [] };
    return [
      refuse(
        "is needed: the application is not in this manifest, so that nothing else says what to roll out",
        "spec.target_version",
      ),
    ];
  }
  if (hasVersion) {
    return [
      refuse(
        "is not given beside the application itself: its configuration is what is rolled out",
        "spec.target_version",
      ),
    ];
  }
  const whole = await resolveSpec(application, deps);
  if ("missing" in whole) return [];
  return { body: { ...resolved.body, whole: whole.body }, pending: whole.pending };
}

/** What is going to be written must be there before anything is. */
function lackingValue({ io, resource }: { io: Pick<Io, "env">; resource: Resource }): string | null {
  const source = resource.kind === "secret" ? resource.spec["value"] : undefined;
  if (!isObject(source) || !("env" in source)) return null;
  const name = textOf(source["env"]);
  const value = io.env[name];
  return value === undefined || value === "" ? `the environment variable ${name} is not set` : null;
}
