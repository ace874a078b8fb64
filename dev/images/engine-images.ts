/** Images of a Docker engine under names of Gantry's: pulled by digest, tagged, removed. Nobody else's name is touched. */
import { callDocker, findImage, registryAuth, tagImage } from "../runtime/docker-api.ts";
import { followDocker } from "../runtime/docker-progress.ts";

export interface PullRequest {
  /** `<domain>/<repository>@<digest>`, as the engine names it. */
  readonly reference: string;
  /** Null: as nobody. */
  readonly login: { readonly username: string; readonly password: string } | null;
  /** 0 to 100, as far as the engine says. */
  readonly onProgress: (percent: number) => void;
}

export class PullFailure extends Error {
  override readonly name = "PullFailure";
}

const SILENCE_MS = 60_000;

export async function pullImage(socketPath: string, { reference, login, onProgress }: PullRequest): Promise<void> {
  const query = new URLSearchParams({ fromImage: reference });
  const headers: Record<string, string> = {};
  if (login !== null)
    headers["x-registry-auth"] = registryAuth({ ...login, serveraddress: reference.split("/", 1)[0] ?? "" });
  const layers = new Map<string, Layer>();
  const onLine = (said: PullLine) => {
    if (said.id === undefined) return;
    layers.set(said.id, progressed(layers.get(said.id), said));
    onProgress(percentOf([...layers.values()]));
  };
  const path = `/images/create?${query.toString()}`;
  const failure = await followDocker<PullLine>(socketPath, path, { silenceMs: SILENCE_MS, headers, onLine });
  if (failure !== null) throw new PullFailure(failure);
}

interface PullLine {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly message?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

interface Layer {
  readonly current: number;
  readonly total: number;
  readonly isDone: boolean;
}

const DONE: ReadonlySet<string> = new Set(["Pull complete", "Already exists", "Download complete"]);

function progressed(before: Layer | undefined, { status = "", progressDetail = {} }: PullLine): Layer {
  const { current = before?.current ?? 0, total = before?.total ?? 0 } = status === "Downloading" ? progressDetail : {};
  return { current, total, isDone: (before?.isDone ?? false) || DONE.has(status) };
}

/** Layers whose size is not known yet count as the mean of those that are. */
function percentOf(layers: readonly Layer[]): number {
  const known = layers.filter(({ total }) => total > 0);
  const mean = known.length === 0 ? 1 : known.reduce((sum, { total }) => sum + total, 0) / known.length;
  let [done, all] = [0, 0];
  for (const { current, total, isDone } of layers) {
    const size = total > 0 ? total : mean;
    all += size;
    done += isDone ? size : Math.min(current, size);
  }
  return all === 0 ? 0 : Math.floor((done / all) * 100);
}

/** Gives it that name. A name by digest that pulling has made is taken away again, so that only ours keeps it. */
export async function nameImage(socketPath: string, reference: string, name: { repo: string; tag: string }) {
  await tagImage(socketPath, reference, name.repo, name.tag);
}

export async function untagImage(socketPath: string, reference: string): Promise<boolean> {
  const { status, body } = await callDocker(socketPath, `/images/${encodeURI(reference)}`, { method: "DELETE" });
  // 409: a container uses it, which then keeps the image and its name.
  if (status === 200 || status === 404) return true;
  if (status === 409) return false;
  throw new Error(`the engine could not remove ${reference} (${status}): ${body.trim()}`);
}

export async function hasImage(socketPath: string, reference: string): Promise<boolean> {
  return (await findImage(socketPath, reference)) !== undefined;
}
