/**
 * Removes what workerd leaves of a released instance: the exited container and its networking sidecar, which workerd
 * keeps for a later start of the same object until the object's inactivity timeout has passed. That is minutes, and a
 * developer who deletes an application expects an empty `docker ps`. Only the control plane knows which instances are
 * released, so it is asked, and only when something looks left over.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { callDocker } from "../runtime/docker-api.ts";
import { SESSION_LABEL } from "../socket-proxy/socket-proxy.ts";

const LOOK_EVERY_MS = 3_000;
const CALL_TIMEOUT_MS = 10_000;
/** `workerd-<hash>-<worker>-<class>-<object id>`, with `-proxy` for the sidecar. */
const NAME = /-(?<object>[0-9a-f]{64})(?<sidecar>-proxy)?$/;

export interface SeenContainer {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
}

export interface JanitorOptions {
  readonly socket: string;
  readonly session: string;
  /** Ids of all instances that exist. */
  readonly knownInstances: () => Promise<ReadonlySet<string>>;
  readonly log: (line: string) => void;
}

/** By object: the containers of instances whose workload does not run. They may still be waiting for a restart. */
export function idle(containers: readonly SeenContainer[]): ReadonlyMap<string, readonly string[]> {
  const byObject = new Map<string, { ids: string[]; works: boolean }>();
  for (const { id, name, running } of containers) {
    const groups = NAME.exec(name)?.groups;
    if (groups?.["object"] === undefined) continue;
    const entry = byObject.get(groups["object"]) ?? { ids: [], works: false };
    entry.ids.push(id);
    entry.works ||= running && groups["sidecar"] === undefined;
    byObject.set(groups["object"], entry);
  }
  return new Map([...byObject].filter(([, { works }]) => !works).map(([object, { ids }]) => [object, ids]));
}

/** Runs until `signal` aborts. A round that fails is tried again at the next. */
export async function runJanitor(options: JanitorOptions, signal: AbortSignal): Promise<void> {
  let before: ReadonlyMap<string, readonly string[]> = new Map();
  while (!signal.aborted) {
    try {
      await sleep(LOOK_EVERY_MS, undefined, { signal });
      const now = idle(await look(options));
      // Seen twice: what starts just now is idle for a moment, too.
      const suspects = [...now].filter(([object]) => before.has(object));
      before = now;
      if (suspects.length > 0) await clear(options, suspects);
    } catch (error) {
      if (!signal.aborted) options.log(`Leftover containers could not be looked for: ${String(error)}`);
    }
  }
}

async function clear(options: JanitorOptions, suspects: readonly (readonly [string, readonly string[]])[]) {
  const known = await options.knownInstances();
  const ids = suspects.filter(([object]) => !known.has(object)).flatMap(([, containers]) => containers);
  await Promise.all(
    ids.map((id) =>
      callDocker(options.socket, `/containers/${id}?force=1&v=1`, { method: "DELETE", timeoutMs: CALL_TIMEOUT_MS }),
    ),
  );
}

const containerList = z.array(z.object({ Id: z.string(), Names: z.array(z.string()), State: z.string() }));

async function look({ socket, session }: JanitorOptions): Promise<SeenContainer[]> {
  const filters = JSON.stringify({ label: [`${SESSION_LABEL}=${session}`] });
  const query = new URLSearchParams({ all: "1", filters });
  const { status, body } = await callDocker(socket, `/containers/json?${query.toString()}`);
  if (status !== 200) throw new Error(`Docker answered ${status}`);
  return containerList
    .parse(JSON.parse(body))
    .map(({ Id, Names, State }) => ({ id: Id, name: Names[0] ?? "", running: State === "running" }));
}

const idList = z.object({ result: z.array(z.object({ id: z.string() })) });
const deploymentList = z.object({ result: z.array(z.object({ instance_id: z.string() })) });

/** Asks the control plane for the object of every deployment of every account, those of no application among them. */
export async function listInstances(controlPlaneUrl: string, token: string): Promise<ReadonlySet<string>> {
  const get = async (path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const answer = await fetch(`${controlPlaneUrl}/client/v4/accounts${path}`, { headers, signal });
    if (!answer.ok) throw new Error(`the control plane answered ${answer.status}`);
    return await answer.json();
  };
  const instances = new Set<string>();
  for (const { id } of idList.parse(await get("?per_page=1000")).result) {
    const { result } = deploymentList.parse(await get(`/${id}/containers/deployments/v2`));
    for (const deployment of result) instances.add(deployment.instance_id);
  }
  return instances;
}
