/** What there is, and whose: read once, and kept up with what is written. */
import { isCode, type Api } from "../api.ts";
import type { Wanted, Live } from "./driver.ts";
import { DRIVERS } from "./drivers/index.ts";
import { isKind, isOwned, isPart, type Kind } from "./kinds.ts";
import { keyOf, kindAndName, partsOfName, type Resource } from "./resource.ts";

export interface World {
  readonly live: Map<string, Live>;
  /** Owner by key; what is nobody's is not in it. */
  readonly owners: Map<string, string>;
  readonly defaults: Wanted["defaults"];
  readonly declared: readonly Resource[];
}

export async function readWorld(api: Api, kinds: readonly Kind[], declared: readonly Resource[] = []): Promise<World> {
  const owners = await readOwners(api);
  const { result: me } = await api.send("GET /me");
  const { vcpus: vcpu, memory_mib, disk_mb } = me.defaults;
  const world: World = { live: new Map(), owners, defaults: { vcpu, memory_mib, disk_mb }, declared };
  for (const kind of new Set(kinds)) await readKind(api, world, kind);
  return world;
}

/** Again, since somebody else has written. */
export async function readKind(api: Api, world: World, kind: Kind): Promise<void> {
  const found = await DRIVERS[kind].list(api, world.declared);
  for (const key of world.live.keys()) if (key.startsWith(`${kind}/`)) world.live.delete(key);
  for (const live of found) world.live.set(keyOf(live), live);
  if (!KEEPS_OWNER.has(kind)) return;
  for (const key of world.owners.keys()) if (key.startsWith(`${kind}/`)) world.owners.delete(key);
  for (const live of found) if (live.owner != null) world.owners.set(keyOf(live), live.owner);
}

/** These say themselves whose they are; of the others the account keeps it. */
const KEEPS_OWNER: ReadonlySet<Kind> = new Set(["schedule"]);

/** With its application goes what is the application's. */
export function forgetParts({ live, owners }: World, application: string): void {
  for (const key of [...live.keys(), ...owners.keys()]) {
    const { kind, name } = kindAndName(key);
    if (!isPart(kind) || partsOfName(name).application !== application) continue;
    live.delete(key);
    owners.delete(key);
  }
}

export async function readAgain(api: Api, world: World, kind: Kind): Promise<void> {
  await readKind(api, world, kind);
  if (!isOwned(kind) || KEEPS_OWNER.has(kind)) return;
  const owners = await readOwners(api);
  for (const key of world.owners.keys()) {
    const { kind: of } = kindAndName(key);
    if (!isKind(of) || !KEEPS_OWNER.has(of)) world.owners.delete(key);
  }
  for (const [key, owner] of owners) world.owners.set(key, owner);
}

async function readOwners(api: Api): Promise<Map<string, string>> {
  try {
    const { result } = await api.send("GET /owners");
    return new Map(result.map(({ kind, name, owner }) => [keyOf({ kind, name }), owner]));
  } catch (error) {
    if (!isCode(error, "ROUTE_NOT_FOUND")) throw error;
    throw new Error("this control plane does not keep owners: bring it to this release first", { cause: error });
  }
}
