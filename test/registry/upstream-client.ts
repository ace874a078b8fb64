/** Clients of fake registries, for tests of what is in `src/registry/upstream`. */
import { createHash } from "node:crypto";
import type { Digest } from "../../src/registry/oci/digest.ts";
import { upstreamRegistry, type UpstreamOptions, type UpstreamRegistry } from "../../src/registry/upstream/client.ts";
import type { UpstreamError } from "../../src/registry/upstream/failure.ts";
import { TokenCache } from "../../src/registry/upstream/tokens.ts";
import type { Clock, Fetch } from "../../src/registry/upstream/transport.ts";
import { startFakeRegistry, type FakeOptions, type FakeRegistry } from "./fake-registry.ts";

const running: FakeRegistry[] = [];

export function closeFakes(): void {
  for (const registry of running.splice(0)) registry.close();
}

export async function fake(options: FakeOptions = {}): Promise<FakeRegistry> {
  const registry = await startFakeRegistry(options);
  running.push(registry);
  return registry;
}

/** Sleeps are over at once, and are counted. */
export function fastClock(): Clock & { at: number; slept: number[] } {
  const clock = {
    at: 1_700_000_000_000,
    slept: [] as number[],
    now: () => clock.at,
    sleep: async (ms: number) => {
      clock.slept.push(ms);
      clock.at += ms;
    },
  };
  return clock;
}

export function client(registry: FakeRegistry, options: Partial<UpstreamOptions> = {}): UpstreamRegistry {
  const made = upstreamRegistry({
    domain: registry.host,
    fetch: async (url, init) => await fetch(url, init),
    login: async () => null,
    tokens: new TokenCache(),
    allowPrivate: true,
    clock: fastClock(),
    ...options,
  });
  if (typeof made === "string") throw new Error(made);
  return made;
}

export const BYTES = new Uint8Array(3_000_000).map((_, index) => (index * 7 + (index >> 8)) % 251);

export async function read(stream: ReadableStream<Uint8Array>): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of stream) {
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: `sha256:${hash.digest("hex")}` };
}

export async function blobOf(upstream: UpstreamRegistry, repository: string, digest: string) {
  const answer = await upstream.blob({ repository, digest: digest as Digest });
  if (!answer.ok) return answer.failure;
  return await read(answer.value.body).catch((error: unknown) => (error as UpstreamError).failure);
}

/** A registry of the outside, and everything that it names: requests go to these origins instead. */
export function outside(map: Readonly<Record<string, string>>): Fetch {
  return async (url, init) => {
    const { origin, pathname, search } = new URL(url);
    const target = map[origin];
    if (target === undefined) throw new Error(`${origin} is not in reach`);
    return await fetch(`${target}${pathname}${search}`, init);
  };
}
