/**
 * What an operation needs that no chance brings about: a name that was called, an attempt that has ended, an instance that
 * has printed something, in an account that lets them start.
 */
import type { Random } from "../simulation/random.ts";
import type { Sent } from "./client.ts";
import type { Operation } from "./document.ts";
import { stagedForImages } from "./stages-images.ts";
import { stagedForSsh, type StagedSent } from "./stages-ssh.ts";
import { uuid } from "./values.ts";

export interface StageDeps {
  readonly random: Random;
  readonly accountId: string;
  readonly token: string;
  readonly exchange: (sent: Sent) => Promise<{ readonly body: string }>;
}

const MOST = 1_000_000;
const REGIONS = ["afr", "apac", "eeur", "enam", "me", "oc", "sam", "weur", "wnam"];

/** Only who is called by name sleeps, or is started anew. */
const BY_NAME = /\/instances\/\{\w+\}\/(?:sleep|start)$/;
/** What is done to one that runs. */
const OF_RUNNING = /\/instances\/\{\w+\}\/(?:restart|stop|destroy|cordon|uncordon)$/;
const OF_ATTEMPT = /\/attempts\/\{[^}]+\}\/logs$/;
const OF_INSTANCE = /\/instances\/\{[^}]+\}\/logs$/;
const OF_APPLICATION = /\/applications\/\{[^}]+\}\/logs$/;

/** The request that is to be answered well, once all that it needs is there; null: chance will do. */
export async function staged(operation: Operation, deps: StageDeps): Promise<StagedSent | null> {
  const { method, path } = operation;
  const [template = ""] = path.split("/{id}");
  const base = template.replace("{account_id}", deps.accountId);
  const headers = { authorization: `Bearer ${deps.token}` };
  const name = `staged-${uuid(deps.random).slice(0, 8)}`;
  const send = async (verb: string, target: string, body?: object) => {
    const json = { ...headers, "content-type": "application/json" };
    return (await deps.exchange({ method: verb, target, headers: json, ...(body && { body: JSON.stringify(body) }) }))
      .body;
  };
  const create = async (body: object, configuration: object = {}) => {
    const whole = { name, instances: 0, configuration: { image: "hello-world", ...configuration }, ...body };
    await send("POST", base, whole);
  };
  const asked = (target: string): Sent => ({ method, target: `${base}/${name}/${target}`, headers });
  const image = await stagedForImages(operation, deps);
  if (image !== null) return image;
  const ssh = await stagedForSsh(operation, { name, headers, accountId: deps.accountId, send });
  if (ssh !== null) return ssh;
  if (BY_NAME.test(path)) {
    await create({ named_instances: 1, ingress: { mode: "public" } });
    await deps.exchange({ method: "GET", target: `/a/${name}/@somebody/`, headers: {} });
    return asked(`instances/somebody/${path.split("/").at(-1)}`);
  }
  if (OF_RUNNING.test(path)) {
    await create({ instances: 1 });
    await send("GET", `${base}/${name}/wait?state=ready&timeout=10`);
    return asked(`instances/${name}-0/${path.split("/").at(-1)}`);
  }
  if (OF_ATTEMPT.test(path)) {
    await create({ jobs: true });
    const job = { name: "prints", entrypoint: ["/bin/sh"], ...variables("TASK", "print=hello") };
    await send("POST", `${base}/${name}/jobs`, job);
    await send("GET", `${base}/${name}/jobs/prints/wait?timeout=10`);
    return asked("jobs/prints/attempts/1/logs");
  }
  if (OF_INSTANCE.test(path) || OF_APPLICATION.test(path)) {
    await create({ instances: 1 }, variables("LOGS", "hello"));
    await send("GET", `${base}/${name}/wait?state=ready&timeout=10`);
    return asked(OF_INSTANCE.test(path) ? `instances/${name}-0/logs` : "logs");
  }
  return null;
}

function variables(variable: string, value: string) {
  return { environment_variables: [{ name: variable, value }] };
}

/** Whatever the account was limited to, what is staged may start. */
export async function makeRoom({ accountId, token, exchange }: StageDeps): Promise<void> {
  const body = {
    limits: { total_instances: MOST, total_vcpu: MOST, total_memory_mib: 1_000 * MOST, total_disk_mb: 1_000 * MOST },
    capacity: { instances: null, vcpu: null, memory_mib: null, disk_mb: null },
    locations: REGIONS.map((location) => ({ location, enabled: true, capacity: { instances: null } })),
  };
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const target = `/client/v4/accounts/${accountId}/containers/me`;
  await exchange({ method: "PATCH", target, headers, body: JSON.stringify(body) });
}
