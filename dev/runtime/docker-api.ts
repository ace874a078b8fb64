/**
 * The few calls of the Docker Engine API that preparing needs, straight over the Unix socket: a call takes a
 * millisecond, where the docker CLI takes thirty.
 */
import { spawn } from "node:child_process";
import { request } from "node:http";
import type { Readable } from "node:stream";

export interface DockerAnswer {
  readonly status: number;
  readonly body: string;
}

export interface DockerRequest {
  readonly method?: string;
  readonly body?: Readable | string;
  readonly headers?: Record<string, string>;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

export function callDocker(socketPath: string, path: string, options: DockerRequest = {}): Promise<DockerAnswer> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        path,
        method: options.method ?? "GET",
        headers: { host: "docker", ...options.headers },
        signal: AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", reject);
      },
    );
    call.on("error", reject);
    if (options.body === undefined || typeof options.body === "string") {
      call.end(options.body);
    } else {
      options.body.on("error", (error) => call.destroy(error)).pipe(call);
    }
  });
}

/** True where a Docker engine answers; bounded, since a socket of a hung engine accepts and never answers. */
export async function answers(socketPath: string, timeoutMs = 2000): Promise<boolean> {
  try {
    const { status } = await callDocker(socketPath, "/_ping", { timeoutMs });
    return status === 200;
  } catch {
    return false;
  }
}

export interface ImageFacts {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

export async function findImage(socketPath: string, reference: string): Promise<ImageFacts | undefined> {
  const { status, body } = await callDocker(socketPath, `/images/${encodeURI(reference)}/json`);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`the engine answered ${status} when asked for image ${reference}: ${body}`);
  const image: { Id: string; Config?: { Labels?: Record<string, string> | null } } = JSON.parse(body);
  return { id: image.Id, labels: image.Config?.Labels ?? {} };
}

/** Gives an image another name, replacing whatever had that name. */
export async function tagImage(socketPath: string, reference: string, repo: string, tag: string): Promise<void> {
  const query = new URLSearchParams({ repo, tag });
  const path = `/images/${encodeURI(reference)}/tag?${query.toString()}`;
  const { status, body } = await callDocker(socketPath, path, { method: "POST" });
  if (status !== 201) throw new Error(`the engine could not tag ${reference} as ${repo}:${tag}: ${body.trim()}`);
}

/**
 * Bounded by silence, not by total time: an offline machine may wait minutes for a registry that is not there, while
 * a slow one keeps reporting progress.
 */
export async function tryPull(socketPath: string, reference: string, silenceMs: number): Promise<boolean> {
  const path = `/images/create?${new URLSearchParams({ fromImage: reference }).toString()}`;
  await new Promise<void>((resolve) => {
    const call = request({ socketPath, path, method: "POST", headers: { host: "docker" } }, (response) => {
      response.on("data", () => silence.refresh());
      response.on("close", resolve);
    });
    const silence = setTimeout(() => call.destroy(), silenceMs);
    call.on("error", () => resolve());
    call.on("close", () => {
      clearTimeout(silence);
      resolve();
    });
    call.end();
  });
  return (await findImage(socketPath, reference)) !== undefined;
}

/** Removes an image that lost its last name. One that something still uses stays. */
export async function dropImage(socketPath: string, id: string): Promise<void> {
  const image = await callDocker(socketPath, `/images/${id}/json`);
  if (image.status !== 200) return;
  const { RepoTags: names }: { RepoTags?: string[] | null } = JSON.parse(image.body);
  if ((names ?? []).length === 0) await callDocker(socketPath, `/images/${id}`, { method: "DELETE" });
}

/** Of `X-Registry-Auth`. With its padding: the engine takes what is cut short for no login at all, and says nothing. */
export function registryAuth(login: { username: string; password: string; serveraddress: string }): string {
  const text = Buffer.from(JSON.stringify(login)).toString("base64url");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

export interface TarUpload {
  readonly socketPath: string;
  readonly path: string;
  /** The folder whose content is sent, owned by root. */
  readonly folder: string;
}

const UPLOAD_LIMIT_MS = 120_000;

/** Sends a folder as a tar archive to a call that makes an image of it. */
export async function sendFolder({ socketPath, path, folder }: TarUpload): Promise<void> {
  const pack = spawn("tar", ["--numeric-owner", "--owner=0", "--group=0", "-C", folder, "-c", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { status, body } = await callDocker(socketPath, path, {
    method: "POST",
    body: pack.stdout,
    headers: { "content-type": "application/x-tar" },
    timeoutMs: UPLOAD_LIMIT_MS,
  });
  // Both calls answer 200 at once and report a failure in their progress.
  if (status !== 200 || body.includes('"errorDetail"')) {
    throw new Error(`the engine could not make an image (${status}): ${body.trim().slice(-300)}`);
  }
}

export async function buildImage(socketPath: string, reference: string, folder: string): Promise<void> {
  await sendFolder({ socketPath, path: `/build?${new URLSearchParams({ t: reference, rm: "1" }).toString()}`, folder });
}
