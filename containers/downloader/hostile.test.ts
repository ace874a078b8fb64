/** What registries and visitors may try, who mean harm: each to others, to the network that this server is in, or to it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { zstdCompressSync } from "node:zlib";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, it } from "vitest";
import type { FakeRegistry } from "../../test/registry/fake-registry.ts";
import { closeFakes, fake } from "../../test/registry/upstream-client.ts";
import { nextOf } from "../../src/registry/upstream/tags.ts";
import { tagsOf } from "./api/tags.ts";
import { Gateway } from "./cache/gateway.ts";
import { MetadataCache } from "./cache/metadata.ts";
import { readRange } from "./download/range.ts";
import { offersOf, platformNames } from "./image/index-walk.ts";
import { readReference } from "./image/reference.ts";
import { Metrics } from "./metrics/metrics.ts";
import { startDownloader, type Downloader } from "./testing/downloading.ts";
import { serveTest, type TestServer } from "./testing/http-server.ts";
import { INDEX, MANIFEST, OCI, sha256 } from "./testing/images.ts";

const running: Downloader[] = [];
const servers: TestServer[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) one.stop();
  await Promise.all(servers.splice(0).map(async (one) => await one.stop()));
  closeFakes();
});

async function downloader(options: Parameters<typeof startDownloader>[0] = {}): Promise<Downloader> {
  const made = await startDownloader(options);
  running.push(made);
  return made;
}

/** A registry that answers as it likes. */
async function registryOf(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<TestServer> {
  const made = await serveTest((request, response) => void answer(request, response).catch(() => response.destroy()));
  servers.push(made);
  return made;
}

/** What another one says, but for a part of it. */
async function passOn(
  { origin }: FakeRegistry,
  { url = "", headers }: IncomingMessage,
  response: ServerResponse,
  change: (bytes: Buffer) => void = () => {},
): Promise<void> {
  const answer = await fetch(origin + url, { headers: { accept: headers.accept ?? "*/*" } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  change(bytes);
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(bytes);
}

/** The same bytes each time, of no use to compression. */
function bytesOf(name: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 64) }, (_, index) =>
    createHash("sha512").update(`${name} ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

/** One image, the same in each registry that it is added to. */
function addTo(
  registry: FakeRegistry,
  layer = bytesOf("layer", 6_000_000),
  suffix = "",
): { name: string; layer: string } {
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [sha256(layer)] } }),
  );
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: registry.addBlob(bytes),
    size: bytes.length,
  });
  const blob = described(`${OCI}.layer.v1.tar${suffix}`, layer);
  const fields = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: described(`${OCI}.config.v1+json`, config),
    layers: [blob],
  };
  registry.addManifest("team/web", "v1", fields, MANIFEST);
  return { name: `${registry.host}/team/web:v1`, layer: blob.digest };
}

describe("a layer that two registries have", () => {
  it("comes from each for those who asked there, whatever the other one does", async ({ expect }) => {
    const [honest, silent] = await Promise.all([fake(), fake()]);
    const [good, bad] = [addTo(honest), addTo(silent)];
    silent.setFault("team/web", { kind: "held", after: 100_000 });
    const server = await downloader({ stallMs: 60_000 });
    const stalled = await server.open(bad.name);
    await once(stalled, "readable");
    const whole = await server.get(good.name);
    expect([whole.status, whole.isWhole, server.failures]).toEqual([200, true, []]);
    stalled.destroy();
  });

  it("may be resumed at the one that sent it right, though another one sent it wrong", async ({ expect }) => {
    const honest = await fake();
    const good = addTo(honest);
    const liar = await registryOf(async (request, response) => {
      await passOn(honest, request, response, (bytes) => {
        if (String(request.url).endsWith(good.layer)) bytes[5_900_000] = (bytes[5_900_000] ?? 0) ^ 1;
      });
    });
    const bad = { name: `${liar.host}/team/web:v1` };
    const server = await downloader();
    const whole = await server.get(good.name);
    const wrong = await server.get(bad.name);
    expect([wrong.status, wrong.isWhole]).toEqual([200, false]);
    const rest = await server.get(good.name, { headers: { range: "bytes=4000000-" } });
    expect([rest.status, rest.isWhole]).toEqual([206, true]);
    expect(rest.bytes.equals(whole.bytes.subarray(4_000_000))).toBe(true);
    // Who has some of the wrong bytes begins anew.
    expect((await server.get(bad.name, { headers: { range: "bytes=4000000-" } })).status).toBe(200);
  });
});

/** Answers of JSON by path; what is a function is asked each time. */
function saying(answers: Readonly<Record<string, object | ((url: URL, response: ServerResponse) => object)>>) {
  return async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://registry");
    const said = answers[url.pathname];
    const body = typeof said === "function" ? said(url, response) : (said ?? {});
    const type = (body as { mediaType?: string }).mediaType ?? "application/json";
    response.writeHead(said === undefined ? 404 : 200, { "content-type": type }).end(JSON.stringify(body));
  };
}

/** Of images for Linux. */
function indexOf(architectures: readonly string[]): Buffer {
  const manifests = architectures.map((architecture, index) => ({
    mediaType: MANIFEST,
    digest: sha256(Buffer.from(String(index))),
    size: 1_000,
    platform: { os: "linux", architecture },
  }));
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
}

const none = async () => Buffer.alloc(0);

describe("a registry without an end", () => {
  it("of pages of tags is left", async ({ expect }) => {
    let pages = 0;
    const endless = (_: URL, response: ServerResponse) => {
      pages += 1;
      response.setHeader("link", `</v2/team/web/tags/list?last=${pages}>; rel="next"`);
      return { name: "team/web", tags: pages === 3 ? ["v1"] : [] };
    };
    const registry = await registryOf(saying({ "/v2/team/web/tags/list": endless }));
    const { registries } = await downloader();
    const reference = readReference(`${registry.host}/team/web`);
    const metadata = new MetadataCache(new Gateway("kv", null), new Metrics());
    const found = await tagsOf(
      reference,
      null,
      { page: 1, pageSize: 10 },
      { hub: null, metadata, upstream: registries },
    );
    expect([found.tags, pages]).toEqual([[{ name: "v1" }], 200]);
  });

  it("of platforms names some of them, and none that nobody could ask for", async ({ expect }) => {
    const many = Array.from({ length: 3_000 }, (_, index) => `a${index}`);
    const long = "x".repeat(100_000);
    const names = platformNames(await offersOf(indexOf([long, "<b>", ...many]), none));
    expect([names.length, names[0]]).toEqual([100, "linux/a0"]);
    await expect(offersOf(indexOf([...many, ...many, ...many, ...many]), none)).rejects.toThrow("too many images");
  });

  it("of layers is refused", async ({ expect }) => {
    const registry = await fake();
    const layer = { mediaType: `${OCI}.layer.v1.tar`, digest: sha256(Buffer.from("none")), size: 4 };
    const layers = Array.from({ length: 1_001 }, () => layer);
    const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
    const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs }));
    const described = { mediaType: `${OCI}.config.v1+json`, digest: registry.addBlob(config), size: config.length };
    const fields = { schemaVersion: 2, mediaType: MANIFEST, config: described, layers };
    registry.addManifest("team/web", "v1", fields, MANIFEST);
    const { status, bytes } = await (await downloader()).get(`${registry.host}/team/web:v1`);
    expect([status, String(bytes)]).toEqual([422, expect.stringContaining("1001 layers")]);
  });
});

describe("a header", () => {
  it("of blanks alone costs no time", ({ expect }) => {
    expect(readRange(`bytes=${" ".repeat(1_000_000)}1`, 100)).toBeNull();
    expect(readRange("bytes= 0 - 1 ", 100)).toEqual({ start: 0, end: 2 });
  });

  it("of what looks like links costs no time", ({ expect }) => {
    const path = "/v2/team/web/tags/list";
    const from = new URL(`https://r.example${path}`);
    const link = `<${path}?last=b>; rel="next"`;
    expect(nextOf("<".repeat(1_000_000) + link, from, path)).toBe("?last=b");
  });
});

describe("what is remembered of registries", () => {
  it("has a length that it does not exceed, whatever they say", async ({ expect }) => {
    const metadata = new MetadataCache(new Gateway("kv", null), new Metrics());
    const megabyte = "x".repeat(1_000_000);
    for (let index = 0; index < 100; index += 1) metadata.put(["tags", String(index)], 60, megabyte);
    metadata.put(["tags", "too long"], 60, "x".repeat(3_000_000));
    const asked = [...Array(100).keys(), "too long"].map(async (name) => await metadata.get(["tags", String(name)]));
    const kept = (await Promise.all(asked)).filter((value) => value !== null);
    expect(kept.length).toBeLessThan(20);
    expect(await metadata.get(["tags", "99"])).toBe(megabyte);
    expect(await metadata.get(["tags", "too long"])).toBeNull();
  });
});

describe("a layer of zstd that is to be unpacked", () => {
  it("and would fill every disk is refused", async ({ expect }) => {
    const registry = await fake();
    const zeros = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    const bomb = Buffer.concat(Array.from({ length: 40 }, () => zeros));
    const { name } = addTo(registry, bomb, "+zstd");
    const { status, bytes } = await (await downloader()).get(name, { format: "docker" });
    expect([status, String(bytes)]).toEqual([422, expect.stringContaining("grows to more than")]);
  });

  it("and is no zstd, or not all of it, is the registry's fault", async ({ expect }) => {
    const registry = await fake();
    const server = await downloader();
    const whole = zstdCompressSync(bytesOf("layer", 1_000_000));
    for (const layer of [bytesOf("rubbish", 100_000), whole.subarray(0, 900_000)]) {
      const { name } = addTo(registry, layer, "+zstd");
      const { status, bytes } = await server.get(name, { format: "docker" });
      expect([status, String(bytes)]).toEqual([502, expect.stringContaining("a layer is no zstd")]);
    }
  });

  it("is not read any more when nobody waits for it", async ({ expect }) => {
    const honest = await fake();
    const layer = zstdCompressSync(bytesOf("slow", 3_000_000));
    const { layer: digest } = addTo(honest, layer, "+zstd");
    const [begun, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = await registryOf(async (request, response) => {
      if (!String(request.url).endsWith(digest)) {
        await passOn(honest, request, response);
        return;
      }
      response.on("close", () => left.resolve());
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 1_500_000), () => begun.resolve());
    });
    const { downloads } = await downloader({ stallMs: 60_000 });
    const images = [`${slow.host}/team/web:v1`];
    const visitors = [new AbortController(), new AbortController()];
    const lengths = visitors.map(
      async ({ signal }) =>
        await downloads.prepare({ images, platform: "linux/amd64", format: "docker", login: null }, signal),
    );
    await begun.promise;
    for (const [index, visitor] of visitors.entries()) {
      visitor.abort();
      await expect(lengths[index]).rejects.toThrow("was not read in time");
    }
    await left.promise;
  });
});
