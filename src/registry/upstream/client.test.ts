import { afterEach, describe, it } from "vitest";
import { digestOf, IMAGE, LOGIN } from "../../../test/registry/fake-registry.ts";
import {
  blobOf,
  BYTES,
  client,
  closeFakes,
  fake,
  fastClock,
  outside,
  read,
} from "../../../test/registry/upstream-client.ts";
import type { Digest } from "../oci/digest.ts";
import type { Fetch } from "./transport.ts";
import { verified } from "./verified.ts";

afterEach(closeFakes);

/** Other bytes under the same digest. */
const lying: Fetch = async (url, init) => {
  const response = await fetch(url, init);
  return new Response(init.method === "HEAD" ? null : '{"schemaVersion":2,"x":1}', { headers: response.headers });
};

const hanging: Fetch = async (_, { signal }) =>
  await new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("late")));
  });

describe("manifests upstream", () => {
  it("come by tag and by digest, with one token for both", async ({ expect }) => {
    const registry = await fake({ auth: "token" });
    const digest = registry.addManifest("team/web", "v1", { schemaVersion: 2 });
    const upstream = client(registry);
    expect(await upstream.headManifest("team/web", "v1")).toMatchObject({
      ok: true,
      value: { digest, mediaType: IMAGE },
    });
    const byTag = await upstream.manifest("team/web", "v1");
    expect(byTag).toMatchObject({ ok: true, value: { digest, mediaType: IMAGE } });
    expect(await upstream.manifest("team/web", digest)).toEqual(byTag);
    expect(registry.requests.map(({ line }) => line.replace(/\?.*/, ""))).toEqual([
      "HEAD /v2/team/web/manifests/v1",
      "GET /token",
      "HEAD /v2/team/web/manifests/v1",
      "GET /v2/team/web/manifests/v1",
      `GET /v2/team/web/manifests/${digest}`,
    ]);
  });

  it("with other bytes than their digest are none", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addManifest("a", "v1", { schemaVersion: 2 });
    for (const reference of ["v1", digest]) {
      const answer = await client(registry, { fetch: lying }).manifest("a", reference);
      expect(answer).toMatchObject({
        ok: false,
        failure: { code: "INVALID", message: expect.stringContaining(digest) },
      });
    }
  });

  it("that are no JSON objects, or have no end, are none", async ({ expect }) => {
    const registry = await fake();
    registry.addManifest("a", "text", new TextEncoder().encode("hello"));
    registry.addManifest("a", "list", new TextEncoder().encode("[]"));
    registry.addManifest("a", "large", new Uint8Array(9_000_000));
    for (const tag of ["text", "list", "large"]) {
      expect(await client(registry).manifest("a", tag)).toMatchObject({ ok: false, failure: { code: "INVALID" } });
    }
  });

  it("that are not there are told from what may not be read", async ({ expect }) => {
    const registry = await fake({ auth: "token" });
    registry.addManifest("private/web", "v1", { schemaVersion: 2 });
    const upstream = client(registry);
    expect(await upstream.manifest("a", "none")).toMatchObject({ ok: false, failure: { code: "NOT_FOUND" } });
    expect(await upstream.manifest("private/web", "v1")).toMatchObject({ failure: { code: "UNAUTHORIZED" } });
    const robot = client(registry, { login: async () => LOGIN });
    expect(await robot.manifest("private/web", "v1")).toMatchObject({ ok: true });
    const wrong = client(registry, { login: async () => ({ user: "robot", password: "other" }) });
    expect(await wrong.manifest("private/web", "v1")).toMatchObject({ failure: { code: "UNAUTHORIZED" } });
  });
});

describe("blobs upstream", () => {
  it("come over a redirect to where no password may go", async ({ expect }) => {
    const registry = await fake({ auth: "basic", redirects: true });
    const digest = registry.addBlob(BYTES);
    const upstream = client(registry, { login: async () => LOGIN });
    expect(await blobOf(upstream, "a", digest)).toEqual({ size: BYTES.length, sha256: digest });
    expect(registry.requests.at(-1)).toMatchObject({ line: `cdn GET /a/${digest}`, authorization: null });
  });

  it("that break off go on by range, and are whole", async ({ expect }) => {
    for (const redirects of [false, true]) {
      const registry = await fake({ redirects });
      const digest = registry.addBlob(BYTES);
      registry.setFault("a", { kind: "cut", after: 1_200_000, times: 2 });
      expect(await blobOf(client(registry), "a", digest)).toEqual({ size: BYTES.length, sha256: digest });
      const ranges = registry.requests.map(({ range }) => range).filter((range) => range !== null);
      expect(new Set(ranges).size).toBeGreaterThan(1);
      for (const range of ranges) expect(range).toMatch(new RegExp(`^bytes=\\d+-${BYTES.length - 1}$`));
    }
  });

  it("that break off where there are no ranges are read past what is there", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES);
    let cuts = 2;
    const cutting: Fetch = async (url, init) => {
      const headers = new Headers(init.headers);
      headers.delete("range");
      const response = await fetch(url, { ...init, headers });
      if (cuts === 0) return response;
      cuts -= 1;
      const bytes = new Uint8Array(await response.arrayBuffer()).slice(0, 2_000_000 - cuts * 500_000);
      return new Response(bytes, { headers: { "content-length": String(BYTES.length) } });
    };
    expect(await blobOf(client(registry, { fetch: cutting }), "a", digest)).toEqual({
      size: BYTES.length,
      sha256: digest,
    });
  });

  it("that break off again and again end, and are not whole", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES);
    registry.setFault("a", { kind: "cut", after: 0, times: 1_000 });
    expect(await blobOf(client(registry), "a", digest)).toMatchObject({ code: "UNREACHABLE" });
    registry.setFault("a", { kind: "no-length" });
    expect(await blobOf(client(registry), "a", digest)).toEqual({ size: BYTES.length, sha256: digest });
  });

  it("in parts are the parts that were asked for", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES) as Digest;
    for (const fault of [null, { kind: "no-ranges" }] as const) {
      registry.setFault("a", fault);
      const answer = await client(registry).blob({
        repository: "a",
        digest,
        range: { start: 1_000_000, end: 2_499_999 },
      });
      if (!answer.ok) throw new Error(answer.failure.message);
      expect(answer.value.size).toBe(1_500_000);
      expect((await read(answer.value.body)).sha256).toBe(digestOf(BYTES.subarray(1_000_000, 2_500_000)));
    }
  });

  it("of another length than their descriptor says are none", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES) as Digest;
    const answer = await client(registry).blob({ repository: "a", digest, size: 5 });
    expect(answer).toMatchObject({ ok: false, failure: { code: "INVALID" } });
    registry.setFault("a", { kind: "no-length" });
    const streamed = await client(registry).blob({ repository: "a", digest, size: 5 });
    if (!streamed.ok) throw new Error(streamed.failure.message);
    await expect(read(streamed.value.body)).rejects.toMatchObject({ failure: { code: "INVALID" } });
  });

  it("of another digest fail before their last bytes", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES) as Digest;
    registry.setFault("a", { kind: "wrong-bytes" });
    const answer = await client(registry).blob({ repository: "a", digest });
    if (!answer.ok) throw new Error(answer.failure.message);
    let seen = 0;
    const reading = (async () => {
      for await (const piece of verified(answer.value.body, digest)) seen += piece.length;
    })();
    await expect(reading).rejects.toMatchObject({ failure: { code: "INVALID" } });
    expect(seen).toBeLessThan(BYTES.length);
    registry.setFault("a", null);
    const good = await client(registry).blob({ repository: "a", digest });
    if (!good.ok) throw new Error(good.failure.message);
    expect(await read(verified(good.value.body, digest))).toEqual({ size: BYTES.length, sha256: digest });
  });

  it("that nobody reads any more are let go", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES) as Digest;
    const answer = await client(registry).blob({ repository: "a", digest });
    if (!answer.ok) throw new Error(answer.failure.message);
    const reader = answer.value.body.getReader();
    await reader.read();
    await reader.cancel();
    expect(registry.requests).toHaveLength(1);
  });
});

/** What becomes of a blob that a registry of the outside redirects there. */
async function redirected(location: string) {
  const registry = await fake();
  const digest = registry.addBlob(BYTES);
  registry.setFault("a", { kind: "redirect", location });
  const map = { "https://r.example.com": registry.origin, "http://r.example.com": registry.origin };
  const upstream = client(registry, { domain: "r.example.com", allowPrivate: false, fetch: outside(map) });
  return await blobOf(upstream, "a", digest);
}

describe("redirects", () => {
  it.for([
    ["http://r.example.com/x", "plain http"],
    ["https://127.0.0.1/x", "private"],
    ["https://169.254.169.254/x", "private"],
    ["https://metadata.google.internal/x", "private"],
    ["https://user:pass@r.example.com/x", "password"],
    ["https://", "no address"],
  ] as const)("to %s are not followed", async ([location, problem], { expect }) => {
    expect(await redirected(location)).toMatchObject({ code: "INVALID", message: expect.stringContaining(problem) });
  });

  it("without an end have one", async ({ expect }) => {
    const registry = await fake();
    registry.setFault("a", { kind: "redirect", location: "{url}" });
    const failure = await blobOf(client(registry), "a", registry.addBlob(BYTES));
    expect(failure).toMatchObject({ code: "INVALID", message: expect.stringContaining("more than 5") });
    expect(registry.requests).toHaveLength(6);
  });
});

describe("a registry that is busy or broken", () => {
  it("is waited for as long as it says, within a bound", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addManifest("a", "v1", { schemaVersion: 2 });
    const clock = fastClock();
    registry.setFault("a", { kind: "status", status: 429, headers: { "retry-after": "2" }, times: 1 });
    expect(await client(registry, { clock }).manifest("a", "v1")).toMatchObject({ ok: true, value: { digest } });
    expect(clock.slept).toEqual([2_000]);
  });

  it.for([
    [{ "retry-after": "86400" }, 86_400],
    [{}, null],
  ] as const)("is not waited for when it says %j", async ([headers, retryAfter], { expect }) => {
    const registry = await fake();
    const clock = fastClock();
    registry.setFault("a", { kind: "status", status: 429, headers });
    expect(await client(registry, { clock }).manifest("a", "v1")).toMatchObject({
      ok: false,
      failure: { code: "RATE_LIMITED", retryAfter },
    });
    expect([clock.slept, registry.requests.length]).toEqual([[], 1]);
  });

  it("is asked again a few times", async ({ expect }) => {
    const registry = await fake();
    registry.addManifest("a", "v1", { schemaVersion: 2 });
    registry.setFault("a", { kind: "status", status: 503, times: 2 });
    expect((await client(registry).manifest("a", "v1")).ok).toBe(true);
    registry.setFault("a", { kind: "status", status: 500 });
    expect(await client(registry).manifest("a", "v1")).toMatchObject({ failure: { code: "UNREACHABLE" } });
    registry.setFault("a", { kind: "down" });
    expect(await client(registry).manifest("a", "v1")).toMatchObject({ failure: { code: "UNREACHABLE" } });
    expect(registry.requests).toHaveLength(9);
  });

  it("that egress keeps a container from is not said to have answered", async ({ expect }) => {
    const registry = await fake();
    for (const [status, code, message] of [
      [502, "EGRESS_UPSTREAM_FAILED", /could not be reached$/],
      [403, "EGRESS_DENIED", /^egress does not allow /],
    ] as const) {
      registry.setFault("a", { kind: "status", status, headers: { "gantry-error": code } });
      expect(await client(registry).manifest("a", "v1")).toMatchObject({
        failure: { code: "UNREACHABLE", message: expect.stringMatching(message) },
      });
    }
  });

  it("that never answers is given up", async ({ expect }) => {
    const registry = await fake();
    const limits = { headersMs: 20, tries: 2 };
    expect(await client(registry, { fetch: hanging, limits }).manifest("a", "v1")).toMatchObject({
      failure: { code: "UNREACHABLE", message: expect.stringContaining("no answer") },
    });
  });

  it("that stops in the middle of a blob is asked for the rest", async ({ expect }) => {
    const registry = await fake();
    const digest = registry.addBlob(BYTES);
    registry.setFault("a", { kind: "held", after: 1_500_000 });
    const reading = blobOf(client(registry, { limits: { stallMs: 100 } }), "a", digest);
    await expect.poll(() => registry.requests.length).toBeGreaterThan(1);
    registry.setFault("a", null);
    expect(await reading).toEqual({ size: BYTES.length, sha256: digest });
  });
});

describe("tags upstream", () => {
  it("come in pages", async ({ expect }) => {
    const registry = await fake();
    for (const tag of ["a", "b", "c", "d", "e"]) registry.addManifest("web", tag, { schemaVersion: 2 });
    const upstream = client(registry);
    const pages: (readonly string[])[] = [];
    let next: string | null = null;
    do {
      const page = await upstream.tags("web", { limit: 2, next });
      if (!page.ok) throw new Error(page.failure.message);
      pages.push(page.value.tags);
      ({ next } = page.value);
    } while (next !== null);
    expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });
});

describe("Docker Hub", () => {
  it("is asked at its registry, with library before one word", async ({ expect }) => {
    const registry = await fake({ auth: "token", realm: "https://auth.docker.io/token" });
    registry.addManifest("library/alpine", "3", { schemaVersion: 2 });
    const map = { "https://registry-1.docker.io": registry.origin, "https://auth.docker.io": registry.origin };
    const hub = client(registry, { domain: "docker.io", allowPrivate: false, fetch: outside(map) });
    expect((await hub.manifest("alpine", "3")).ok).toBe(true);
    expect((await hub.manifest("library/alpine", "3")).ok).toBe(true);
  });
});
