/** What commands about resources begin with: the manifest, the connection, what there is, and the plan. */
import { resolve } from "node:path";
import { apiOver, type Api } from "../api.ts";
import { connect, type ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { manifestOf, requireOwner, type Manifest } from "../manifest/manifest.ts";
import { readFiles } from "../manifest/read-file.ts";
import { problem, ProblemsError } from "../problems.ts";
import { assessAll, type Assessing, type Prepared } from "../resources/assess.ts";
import { isKind, isOwned, isPart, OWNED_KINDS, type Kind } from "../resources/kinds.ts";
import { planOf, type OwnedThing, type Plan, type PlanOptions } from "../resources/plan.ts";
import { kindAndName } from "../resources/resource.ts";
import { kindsReferredTo } from "../resources/resolve.ts";
import { readWorld, type World } from "../resources/world.ts";
import { imagesChange, type ImagesChange } from "../wrangler-images.ts";

export interface ManifestFlags extends ConnectionFlags {
  readonly file?: readonly string[] | undefined;
  readonly owner?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface PlanFlags extends ManifestFlags {
  readonly adopt?: boolean | undefined;
  readonly prune?: boolean | undefined;
  readonly allowReplace?: boolean | undefined;
  readonly wrangler?: string | undefined;
}

export interface Planned {
  readonly owner: string;
  readonly plan: Plan;
  readonly prepared: readonly Prepared[];
  readonly assessing: Assessing;
  readonly options: PlanOptions;
  readonly images: ImagesChange | null;
  /** Images that are built, and that the control plane does not have yet. */
  readonly lacking: readonly string[];
}

/** Throws with everything that is wrong, before anything was written. */
export async function planned(io: Io, flags: PlanFlags): Promise<Planned> {
  const manifest = manifestOf(await readFiles(io, flags.file ?? []));
  const owner = ownerFrom(flags, manifest);
  refuseTwoReaders(manifest, flags);
  const api = apiOver(await connect(io, flags), io);
  const images = await imagesChange(resolve(io.cwd, flags.wrangler ?? "wrangler.jsonc"), manifest.images);
  const { resources } = manifest;
  const declared = resources.map(({ kind }) => kind);
  const behind: Kind[] = declared.some((kind) => kind === "rollout" || isPart(kind)) ? ["application"] : [];
  // Schedules say themselves whose they are, so that all are read to know which of them are left.
  const owned: readonly Kind[] = flags.prune === true ? OWNED_KINDS : ["schedule"];
  const world = await readWorld(api, [...declared, ...behind, ...kindsReferredTo(resources), ...owned], resources);
  const built = new Set(manifest.images.map(({ name }) => name));
  const assessing: Assessing = { api, world, io, resources, coming: new Set(), built };
  const { prepared, problems } = await assessAll(assessing);
  const { adopt = false, prune = false, allowReplace = false } = flags;
  const options = { owner, adopt, prune, allowReplace };
  const plan = planOf(
    prepared.map(({ assessed }) => assessed),
    ownedBy(world, owner),
    options,
  );
  const all = [...problems, ...plan.problems];
  if (all.length > 0) throw new ProblemsError(all);
  const lacking = [...new Set(prepared.flatMap(({ lacks }) => (lacks === null ? [] : [lacks])))];
  return { owner, plan, prepared, assessing, options, images, lacking };
}

export function ownedBy({ owners }: World, owner: string): OwnedThing[] {
  return [...owners].flatMap(([key, of]) => {
    const { kind, name } = kindAndName(key);
    return of === owner && isKind(kind) && isOwned(kind) ? [{ kind, name }] : [];
  });
}

export function ownerFrom(
  { owner: flag }: Pick<ManifestFlags, "owner">,
  manifest: Pick<Manifest, "owner"> | null,
): string {
  const owner = flag ?? manifest?.owner ?? null;
  if (owner !== null) return requireOwner(owner);
  const message =
    "is needed, so that it is known what may be deleted: write `owner: <name>` into the manifest, or give --owner";
  throw new ProblemsError([problem(message, { field: "owner" })]);
}

export function openApi(io: Io, flags: ConnectionFlags): Promise<Api> {
  return connect(io, flags).then((client) => apiOver(client, io));
}

/** Standard input can be read once. */
function refuseTwoReaders({ resources }: Manifest, { file = [] }: ManifestFlags): void {
  const readers = resources.filter(({ kind, spec }) => {
    return kind === "secret" && JSON.stringify(spec["value"]) === JSON.stringify({ stdin: true });
  });
  const names = [...readers.map(({ name }) => `secret/${name}`), ...(file.includes("-") ? ["the manifest"] : [])];
  if (readers.length === 0 || names.length < 2) return;
  throw new ProblemsError([problem(`only one may come from standard input: ${names.join(", ")}`)]);
}
