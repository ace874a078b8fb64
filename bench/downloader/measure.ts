/** An image of a registry made one archive of, by skopeo and by the downloader in each of its ways, in turn. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../dev/runtime/run.ts";
import type { Downloader } from "../../test/e2e/downloader/server.ts";
import { copyFlags, skopeo } from "../../test/e2e/registry-tools.ts";
import { makeImage } from "../registry/image.ts";
import type { Plane } from "./plane.ts";

/** `curl`: the layers alone, one after the other, of which nothing is verified: what is possible at all. */
export type Way = "skopeo" | "curl" | "alone" | "gantry, cold" | "gantry, warm";

/** In this order: the first through Gantry finds an empty cache, the second what that has left. */
export const WAYS: readonly Way[] = ["skopeo", "curl", "alone", "gantry, cold", "gantry, warm"];

/** What containers call the registry. */
export const PUBLIC_HOST = "registry.bench.test";

export interface Sample {
  readonly way: Way;
  readonly seconds: number;
}

export interface ArchiveFigures {
  /** Of the layers. */
  readonly bytes: number;
  /** By round. */
  readonly rounds: readonly (readonly Sample[])[];
}

export interface Sides {
  /** `127.0.0.1:<port>` of docker-registry. */
  readonly registry: string;
  readonly alone: Downloader;
  readonly plane: Plane;
}

export interface MeasureOptions {
  readonly folder: string;
  readonly rounds: number;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export async function measureArchives(sides: Sides, options: MeasureOptions): Promise<ArchiveFigures> {
  const { folder, rounds, log, signal } = options;
  const measured: Sample[][] = [];
  let bytes = 0;
  // One more than counts, for what each makes once.
  for (let round = 0; round <= rounds; round += 1) {
    // Of bytes of its own: nobody has any of it.
    const image = await makeImage(join(folder, "image"));
    bytes = image.bytes;
    const repository = `bench/round-${round}`;
    const pushed = `docker://${sides.registry}/${repository}:latest`;
    await skopeo("copy", "--quiet", "--preserve-digests", ...copyFlags(null, null), image.reference, pushed);
    // A B, B A: a drift of the machine cancels. Cold stays before warm.
    const order = round % 2 === 0 ? WAYS : WAYS.toReversed().toSorted((a, b) => Number(isWarm(a)) - Number(isWarm(b)));
    const samples: Sample[] = [];
    for (const way of order) {
      signal.throwIfAborted();
      samples.push(await sample(sides, way, repository, { folder, bytes }));
    }
    if (round === 0) continue;
    log(`round ${round}: ${samples.map(({ way, seconds }) => `${way} ${seconds.toFixed(2)} s`).join(", ")}`);
    measured.push(samples);
  }
  return { bytes, rounds: measured };
}

const isWarm = (way: Way) => way === "gantry, warm";

interface Place {
  readonly folder: string;
  readonly bytes: number;
}

async function sample(sides: Sides, way: Way, repository: string, { folder, bytes }: Place): Promise<Sample> {
  const archive = join(folder, "archive.tar");
  const make = await maker(sides, way, repository, archive);
  // What somebody else wrote is not to be waited for.
  await run("sync", []);
  const began = performance.now();
  await make();
  const seconds = (performance.now() - began) / 1_000;
  const { size } = await stat(archive);
  if (size < bytes) throw new Error(`${way}: ${size} bytes came of an image of ${bytes}`);
  await rm(archive);
  return { way, seconds };
}

async function maker(sides: Sides, way: Way, repository: string, archive: string): Promise<() => Promise<void>> {
  const { registry, alone, plane } = sides;
  switch (way) {
    case "skopeo": {
      const from = `docker://${registry}/${repository}:latest`;
      return async () => {
        await skopeo("copy", "--quiet", ...copyFlags(null, null), from, `oci-archive:${archive}`);
      };
    }
    case "curl": {
      const urls = await blobUrls(registry, repository);
      return async () => await sh(`curl --silent --fail ${urls.join(" ")} > ${archive}`);
    }
    case "alone":
      return async () => await download(alone.origin, `${registry}/${repository}`, archive);
    case "gantry, cold":
    case "gantry, warm":
      return async () => await download(plane.origin, `${PUBLIC_HOST}/${repository}`, archive, plane.curlOptions);
  }
}

async function sh(line: string): Promise<void> {
  await run("sh", ["-c", line]);
}

async function download(
  origin: string,
  image: string,
  archive: string,
  options: readonly string[] = [],
): Promise<void> {
  const url = `${origin}/api/download?${new URLSearchParams({ image: `${image}:latest`, platform: "linux/amd64" }).toString()}`;
  await run("curl", ["--silent", "--show-error", "--fail", "--output", archive, ...options, url]);
}

async function blobUrls(registry: string, repository: string): Promise<string[]> {
  const base = `http://${registry}/v2/${repository}`;
  const accept = { accept: "application/vnd.oci.image.manifest.v1+json" };
  const answer = await fetch(`${base}/manifests/latest`, { headers: accept });
  const { layers }: { layers: { digest: string }[] } = JSON.parse(await answer.text());
  return layers.map(({ digest }) => `${base}/blobs/${digest}`);
}
