/** Snapshots of one that is called by name: taken by its instance, kept by name in its row, gone with it. */
import type { Taken } from "../../containers/snapshot.ts";
import { GantryError } from "../../errors.ts";
import { instanceStub } from "../../stubs.ts";
import type { ApplicationCore } from "../application-core.ts";
import type { Deployment } from "../plan/deployment.ts";
import { MAX_SNAPSHOTS, withoutSnapshot, withSnapshot, type StoredSnapshot } from "./snapshots.ts";

/** Throws what the platform says when it takes none: nothing is kept then. */
export async function keepSnapshot(
  core: ApplicationCore,
  env: Env,
  instance: string,
  name: string,
): Promise<StoredSnapshot> {
  const known = requireRunning(core, instance);
  requireRoom(known, name);
  const taken: Taken | null = await instanceStub(env, known.id).snapshot(name);
  const now = core.deployments.get(known.id);
  if (taken === null || now === undefined) throw notRunning(instance, now);
  requireRoom(now, name);
  const snapshot: StoredSnapshot = { name, id: taken.id, size: taken.size, createdAt: Date.now() };
  core.deployments.put(withSnapshot(now, snapshot));
  return snapshot;
}

export function snapshotsOf(core: ApplicationCore, instance: string): readonly StoredSnapshot[] {
  core.mustRow();
  return core.deployments.named(instance)?.snapshots ?? [];
}

export function forgetSnapshot(core: ApplicationCore, instance: string, name: string): boolean {
  core.mustRow();
  const known = core.deployments.named(instance);
  if (known?.snapshots?.some((snapshot) => snapshot.name === name) !== true) return false;
  if ((core.named.choices.get(instance) ?? known).override?.snapshot === name) {
    const message = `instance ${instance} starts from snapshot ${name}: start it with something else first, or destroy it`;
    throw new GantryError("SNAPSHOT_IN_USE", message, { instance_name: instance, snapshot: name });
  }
  core.deployments.put(withoutSnapshot(known, name));
  return true;
}

function requireRunning(core: ApplicationCore, instance: string): Deployment {
  core.mustRow();
  const known = core.deployments.named(instance);
  if (known === undefined || known.phase !== "running") throw notRunning(instance, known);
  return known;
}

function notRunning(instance: string, known: Deployment | undefined): GantryError {
  const state = known === undefined ? "is not there" : `takes no requests now (${known.phase})`;
  const message = `instance ${instance} ${state}, and only what runs has a disk to keep: start it first`;
  return new GantryError("INSTANCE_NOT_RUNNING", message, { instance_name: instance });
}

function requireRoom({ snapshots = [] }: Deployment, name: string): void {
  if (snapshots.length < MAX_SNAPSHOTS || snapshots.some((snapshot) => snapshot.name === name)) return;
  const message = `there are ${snapshots.length} snapshots of this instance, and more are not kept: delete one, or take one of the same name`;
  throw new GantryError("SNAPSHOT_LIMIT_REACHED", message, { snapshots: snapshots.map((snapshot) => snapshot.name) });
}
