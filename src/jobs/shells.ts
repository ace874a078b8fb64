/**
 * Images without a shell, as this lifetime of an application's object has found out. The wrapped command of such a one does
 * not boot, and only its next start, as it is, tells that from an image that boots in no way: so the first job of an image
 * takes two starts. In memory only: after a reset the next job finds out anew.
 */
import type { Database } from "../database.ts";
import { Remembered } from "../remembered.ts";
import type { Job } from "./job.ts";
import { findLaunch } from "./job-store.ts";

const IMAGES_KNOWN = 100;

const known = new Remembered(() => ({ suspects: new Set<string>(), images: new Set<string>() }));

/** Its wrapped command did not boot. */
export function suspectNoShell(db: Database, { id }: Job): void {
  known.get(db).suspects.add(id);
}

/** An attempt of it has ended. Who asked for no shell has shown nothing by that it ran. */
export function noteEnd(db: Database, { id, version }: Job, hasRun: boolean): void {
  const { suspects, images } = known.get(db);
  if (!suspects.delete(id) || !hasRun || images.size >= IMAGES_KNOWN) return;
  images.add(keyOf(version, findLaunch(db, id)?.image ?? null));
}

export function hasNoShell(db: Database, version: number, image: string | null): boolean {
  return known.get(db).images.has(keyOf(version, image));
}

/** `image`: in the place of the version's own. */
function keyOf(version: number, image: string | null): string {
  return `${version} ${image ?? ""}`;
}
