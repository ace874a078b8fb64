/**
 * The samples' images in the control plane's own registry, so that whoever has no other one in reach finds real images
 * there. The engine that has built them pushes them, each content once.
 */
import * as z from "zod";
import type { Api } from "../../cli/api.ts";
import { callDocker, findImage, registryAuth, tagImage } from "../runtime/docker-api.ts";
import { followDocker } from "../runtime/docker-progress.ts";
import type { SampleRecord } from "./record.ts";

export interface PushOptions {
  readonly api: Api;
  /** Where the registry answers: `127.0.0.1:8787`. */
  readonly host: string;
  readonly dockerSocket: string;
  /** Of the images that were built for this launch. */
  readonly buildTag: string;
  readonly record: SampleRecord;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

const MINUTES = 30;
/** The engine says something now and then while it pushes. */
const SILENCE_MS = 120_000;
/** As wrangler names what it builds: `cloudflare-dev/<class>-<image>-<digest of its configuration>`. */
const BUILT = /^cloudflare-dev\/instance-(?<name>[a-z0-9][a-z0-9._-]*)-[0-9a-f]{12}$/;

/** One after another: they share most of their layers. */
export async function pushImages(names: readonly string[], options: PushOptions): Promise<void> {
  const { dockerSocket, buildTag, record, log, signal } = options;
  try {
    const built = await builtImages(dockerSocket, buildTag);
    let login: string | null = null;
    for (const name of names) {
      const reference = built.get(name);
      const id = reference === undefined ? undefined : (await findImage(dockerSocket, reference))?.id;
      if (reference === undefined || id === undefined || record.pushed(name) === id || signal.aborted) continue;
      login ??= await loginFor(names, options);
      await push(name, reference, login, options);
      await record.setPushed(name, id);
      log(`Pushed the image ${options.host}/${name}:latest.`);
    }
  } catch (error) {
    if (signal.aborted) return;
    log(`Could not push the samples' images: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const imageList = z.array(z.object({ RepoTags: z.array(z.string()).nullish() }));

/** By the name in wrangler.jsonc. */
async function builtImages(socket: string, tag: string): Promise<ReadonlyMap<string, string>> {
  const filters = JSON.stringify({ reference: [`cloudflare-dev/*:${tag}`] });
  const { status, body } = await callDocker(socket, `/images/json?${new URLSearchParams({ filters }).toString()}`);
  if (status !== 200) throw new Error(`the engine could not list its images (${status}): ${body.trim()}`);
  const found = new Map<string, string>();
  for (const reference of imageList.parse(JSON.parse(body)).flatMap(({ RepoTags }) => RepoTags ?? [])) {
    const [repository = "", itsTag] = reference.split(":");
    const name = BUILT.exec(repository)?.groups?.["name"];
    if (name !== undefined && itsTag === tag) found.set(name, reference);
  }
  return found;
}

/** For all of them: the engine takes the layers that they share from one to the next. */
async function loginFor(names: readonly string[], { api, host }: PushOptions): Promise<string> {
  const { result } = await api.send("POST /registries/{domain}/credentials", {
    params: { domain: host },
    body: { permissions: ["pull", "push"], repositories: names, expiration_minutes: MINUTES },
    idempotencyKey: crypto.randomUUID(),
  });
  const { username, password = "" } = result;
  return registryAuth({ username, password, serveraddress: host });
}

async function push(name: string, reference: string, login: string, options: PushOptions): Promise<void> {
  const { host, dockerSocket, signal } = options;
  const repository = `${host}/${name}`;
  await tagImage(dockerSocket, reference, repository, "latest");
  try {
    const path = `/images/${encodeURI(repository)}/push?tag=latest`;
    const headers = { "x-registry-auth": login };
    const failure = await followDocker(dockerSocket, path, { silenceMs: SILENCE_MS, headers, signal });
    if (failure !== null) throw new Error(`${repository}: ${failure}`);
  } finally {
    // The name alone: the image has another one.
    await callDocker(dockerSocket, `/images/${encodeURI(`${repository}:latest`)}`, { method: "DELETE" });
  }
}
