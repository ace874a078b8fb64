/**
 * Finds and removes containers of Gantry by their labels: those of one session, and those whose launcher is gone.
 */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { realpathSync } from "node:fs";
import * as z from "zod";
import { callDocker } from "../runtime/docker-api.ts";
import { SESSION_LABEL } from "../socket-proxy/socket-proxy.ts";
import type { ProcessId } from "./processes.ts";

export const PROJECT_LABEL = "dev.gantry.project";
export const OWNER_LABEL = "dev.gantry.owner";

/** Removing frees network and disk and takes a while under load; a hung engine must not hold a launcher for ever. */
const REMOVE_TIMEOUT_MS = 30_000;
/** A create that was under way when its client died may still come to its end: look again until nothing is left. */
const MAX_ROUNDS = 5;

export interface LabelledContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Names this checkout on this machine; several machines may share an engine. */
export function projectLabel(projectDir: string): string {
  return createHash("sha256")
    .update(`${hostname()}\0${realpathSync(projectDir)}`)
    .digest("hex")
    .slice(0, 16);
}

export function ownerLabel({ pid, startedAt }: ProcessId): string {
  return `${pid} ${startedAt}`;
}

export function ownerOf(label: string | undefined): ProcessId | undefined {
  const match = /^(\d+) (.+)$/.exec(label ?? "");
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { pid: Number(match[1]), startedAt: match[2] };
}

export interface Liveness {
  readonly isAlive: (owner: ProcessId) => boolean;
  readonly self: ProcessId | undefined;
  /** Sessions of this very process that are not over. */
  readonly ownSessions: ReadonlySet<string>;
}

/**
 * Those whose owner is known and gone, and those of this process whose session is over: they stay where the engine was
 * down when they should have been removed. Unknown owners are left alone: absence is no proof.
 */
export function abandoned(containers: readonly LabelledContainer[], liveness: Liveness): readonly LabelledContainer[] {
  return containers.filter(({ labels }) => {
    const owner = ownerOf(labels[OWNER_LABEL]);
    if (owner === undefined) return false;
    const isOwn = owner.pid === liveness.self?.pid && owner.startedAt === liveness.self.startedAt;
    return isOwn ? !liveness.ownSessions.has(labels[SESSION_LABEL] ?? "") : !liveness.isAlive(owner);
  });
}

const containerList = z.array(z.object({ Id: z.string(), Labels: z.record(z.string(), z.string()).nullish() }));

export async function listContainers(socket: string, label: string): Promise<readonly LabelledContainer[]> {
  const query = new URLSearchParams({ all: "1", filters: JSON.stringify({ label: [label] }) });
  const { status, body } = await callDocker(socket, `/containers/json?${query.toString()}`);
  if (status !== 200) throw new Error(`Docker could not list containers (${status}): ${body.trim()}`);
  return containerList.parse(JSON.parse(body)).map(({ Id, Labels }) => ({ id: Id, labels: Labels ?? {} }));
}

/** Returns how many there were. */
export async function removeSession(socket: string, session: string): Promise<number> {
  return await removeAll(socket, () => listContainers(socket, `${SESSION_LABEL}=${session}`));
}

/** Removes what earlier launches of this project left, never what a living one runs. */
export async function removeAbandoned(socket: string, project: string, liveness: Liveness): Promise<number> {
  const label = `${PROJECT_LABEL}=${project}`;
  return await removeAll(socket, async () => abandoned(await listContainers(socket, label), liveness));
}

async function removeAll(socket: string, find: () => Promise<readonly LabelledContainer[]>): Promise<number> {
  const seen = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = await find();
    if (found.length === 0) break;
    for (const { id } of found) seen.add(id);
    await Promise.all(found.map(({ id }) => remove(socket, id)));
  }
  return seen.size;
}

async function remove(socket: string, id: string): Promise<void> {
  const path = `/containers/${id}?force=1&v=1`;
  const { status, body } = await callDocker(socket, path, { method: "DELETE", timeoutMs: REMOVE_TIMEOUT_MS });
  // 404: gone already. 409: somebody else is removing it.
  if (![204, 404, 409].includes(status)) {
    throw new Error(`Docker could not remove container ${id.slice(0, 12)} (${status}): ${body.trim()}`);
  }
}
