import { once } from "node:events";
import { zstdCompressSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { afterEach, describe, it, vi } from "vitest";
import { LOGIN, type FakeOptions, type FakeRegistry } from "../../test/registry/fake-registry.ts";
import { closeFakes, fake } from "../../test/registry/upstream-client.ts";
import { got, startDownloader, type Downloader } from "./testing/downloading.ts";
import { addImage, OCI, sha256, type Described, type ImageOptions } from "./testing/images.ts";
import { MemoryCache } from "./testing/memory-cache.ts";

const running: Downloader[] = [];

afterEach(() => {
  for (const one of running.splice(0)) one.stop();
  closeFakes();
});

async function downloader(options: Parameters<typeof startDownloader>[0] = {}): Promise<Downloader> {
  const made = await startDownloader(options);
  running.push(made);
  return made;
}

const LAYERS = [5_000_000, 40, 9_000_000, 3_000_000];

async function world(
  options: FakeOptions = {},
  image: ImageOptions = { layers: LAYERS },
): Promise<{ registry: FakeRegistry; name: string; server: Downloader; layers: readonly Described[] }> {
  const registry = await fake(options);
  const { layers } = await addImage(registry, "team/web", "v1", image);
  return { registry, name: `${registry.host}/team/web:v1`, server: await downloader(), layers };
}

/** Requests for the bytes of layers, by digest. */
function fetched({ requests }: FakeRegistry, layers: readonly Described[]): number[] {
  const lines = requests.map(({ line }) => line).filter((line) => line.startsWith("GET /v2/"));
  return layers.map(({ digest }) => lines.filter((line) => line.endsWith(digest)).length);
}

async function files(bytes: Buffer): Promise<Map<string, Uint8Array>> {
  return new Map((await unpackTar(bytes)).map(({ header, data }) => [header.name, data ?? new Uint8Array(0)]));
}

const json = (bytes: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe("an archive", () => {
  it("has every blob under its digest, and what engines read", async ({ expect }) => {
    const { name, server, layers } = await world();
    const { status, headers, bytes, isWhole } = await server.get(name);
    expect([status, isWhole, bytes.length]).toEqual([200, true, Number(headers["content-length"])]);
    const members = await files(bytes);
    const blobs = [...members].filter(([path]) => path.startsWith("blobs/sha256/"));
    expect(blobs).toHaveLength(LAYERS.length + 2);
    for (const [path, content] of blobs) expect(sha256(content)).toBe(path.replace("blobs/sha256/", "sha256:"));
    expect(json(members.get("oci-layout"))).toEqual({ imageLayoutVersion: "1.0.0" });
    expect(json(members.get("manifest.json"))).toEqual([
      {
        Config: expect.stringMatching(/^blobs\/sha256\/[0-9a-f]{64}$/),
        RepoTags: [name],
        Layers: layers.map(({ digest }) => `blobs/${digest.replace(":", "/")}`),
      },
    ]);
    expect(json(members.get("index.json"))).toMatchObject({
      manifests: [{ platform: { os: "linux" }, annotations: { "org.opencontainers.image.ref.name": "v1" } }],
    });
  });

  it("is the same each time, and by any ranges", async ({ expect }) => {
    const { name, server } = await world();
    const whole = await server.get(name);
    const again = await server.get(name);
    expect([again.sha256, again.headers.etag]).toEqual([whole.sha256, whole.headers.etag]);
    const cuts = Array.from({ length: 60 }, () => Math.floor(Math.random() * whole.bytes.length)).toSorted(
      (a, b) => a - b,
    );
    const bounds = [0, ...new Set(cuts), whole.bytes.length];
    const parts: Buffer[] = [];
    for (let index = 1; index < bounds.length; index += 1) {
      const range = `bytes=${bounds[index - 1]}-${(bounds[index] ?? 0) - 1}`;
      const part = await server.get(name, { headers: { range } });
      expect([part.status, part.isWhole]).toEqual([206, true]);
      parts.push(part.bytes);
    }
    expect(Buffer.concat(parts).equals(whole.bytes)).toBe(true);
    const tail = await server.get(name, { headers: { range: "bytes=-700", "if-range": String(whole.headers.etag) } });
    expect(tail.bytes.equals(whole.bytes.subarray(-700))).toBe(true);
    expect((await server.get(name, { headers: { range: "bytes=5-", "if-range": '"other"' } })).status).toBe(200);
    const beyond = await server.get(name, { headers: { range: `bytes=${whole.bytes.length}-` } });
    expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, `bytes */${whole.bytes.length}`]);
  });

  it("of several images has what they share once", async ({ expect }) => {
    const { registry, name, server } = await world();
    const manifest = await (
      await fetch(`${registry.origin}/v2/team/web/manifests/v1`, { headers: { accept: `${OCI}.manifest.v1+json` } })
    ).bytes();
    registry.addManifest("team/other", "v2", manifest, `${OCI}.manifest.v1+json`);
    const one = await server.get(name);
    const both = await server.get([name, `${registry.host}/team/other:v2`, name]);
    const members = await files(both.bytes);
    expect(members.size).toBe((await files(one.bytes)).size);
    expect(json(members.get("manifest.json"))).toMatchObject([
      { RepoTags: [name] },
      { RepoTags: [`${registry.host}/team/other:v2`] },
    ]);
  });

  it("as a layout alone has no manifest.json", async ({ expect }) => {
    const { name, server } = await world();
    const members = await files((await server.get(name, { format: "oci" })).bytes);
    expect([...members.keys()].slice(0, 2)).toEqual(["oci-layout", "index.json"]);
    expect(members.has("manifest.json")).toBe(false);
  });

  it("with a password is of one registry, which alone hears of it", async ({ expect }) => {
    const registry = await fake({ auth: "basic" });
    const other = await fake();
    await addImage(registry, "a", "v1");
    await addImage(other, "a", "v1");
    const server = await downloader();
    const names = [`${registry.host}/a:v1`, `${other.host}/a:v1`];
    expect((await server.get(names[0] ?? "")).status).toBe(401);
    expect((await server.get(names[0] ?? "", { login: LOGIN })).isWhole).toBe(true);
    expect((await server.get(names, { login: LOGIN })).status).toBe(400);
    expect(other.requests).toEqual([]);
  });
});

describe("a registry that fails", () => {
  it("for a moment is gone on with, where it broke off", async ({ expect }) => {
    for (const ranges of [true, false]) {
      const { registry, name, server } = await world({ redirects: ranges });
      const whole = await server.get(name);
      await vi.waitUntil(async () => (await (await downloader()).get(name)).isWhole);
      const fresh = await downloader();
      registry.setFault("team/web", { kind: "cut", after: 1_500_000, times: 3 });
      expect((await fresh.get(name)).sha256).toBe(whole.sha256);
    }
  });

  it("for good leaves the client with less than it was promised, and what is missing comes later", async ({
    expect,
  }) => {
    const { registry, name, layers } = await world();
    const server = await downloader({ stallMs: 200 });
    const whole = await (await downloader()).get(name);
    registry.requests.splice(0);
    // All that it sends, and then it is gone.
    registry.setFault("team/web", { kind: "held", after: 3_000_000 });
    const reading = got(await server.open(name));
    await vi.waitUntil(() => registry.requests.some(({ line }) => line.endsWith(layers[0]?.digest ?? "")));
    registry.setFault("team/web", { kind: "down" });
    const broken = await reading;
    expect(broken.isWhole).toBe(false);
    expect(whole.bytes.subarray(0, broken.bytes.length).equals(broken.bytes)).toBe(true);
    registry.setFault("team/web", null);
    const rest = await server.get(name, { headers: { range: `bytes=${broken.bytes.length}-` } });
    expect([rest.status, rest.isWhole]).toEqual([206, true]);
    expect(Buffer.concat([broken.bytes, rest.bytes]).equals(whole.bytes)).toBe(true);
  }, 60_000);

  it("to send the right bytes never makes a whole archive, nor one by resuming", async ({ expect }) => {
    const { registry, name, server } = await world();
    const whole = await (await downloader()).get(name);
    registry.setFault("team/web", { kind: "wrong-bytes" });
    // The config is wrong as well, and is read first.
    expect((await server.get(name)).status).toBe(502);
    registry.setFault("team/web", null);
    const cache = new MemoryCache();
    const cached = await downloader({ layers: cache });
    for (const { digest, size } of (await layersOf(cached, name)).slice(0, 1))
      cache.entries.set(digest, Buffer.alloc(size, 1));
    const broken = await cached.get(name);
    expect([broken.status, broken.isWhole, cache.dropped.length]).toEqual([200, false, 1]);
    expect(broken.bytes.length).toBeGreaterThan(0);
    const resumed = await cached.get(name, { headers: { range: `bytes=${broken.bytes.length}-` } });
    expect([resumed.status, resumed.sha256]).toEqual([200, whole.sha256]);
  });

  it("without ranges is read past what is there", async ({ expect }) => {
    const { registry, name, server } = await world();
    const whole = await server.get(name);
    registry.setFault("team/web", { kind: "no-ranges" });
    const fresh = await downloader();
    const part = await fresh.get(name, { headers: { range: "bytes=4000000-9000000" } });
    expect(part.bytes.equals(whole.bytes.subarray(4_000_000, 9_000_001))).toBe(true);
  });
});

async function layersOf({ downloads }: Downloader, name: string) {
  const request = { images: [name], platform: "linux/amd64", format: "hybrid", login: null } as const;
  return (await downloads.prepare(request)).images.flatMap(({ layers }) => layers);
}

describe("clients at the same time", () => {
  it("have each layer read once for all of them", async ({ expect }) => {
    const { registry, name, server, layers } = await world();
    const all = await Promise.all([1, 2, 3, 4].map(async () => await server.get(name)));
    expect(new Set(all.map(({ sha256: sum }) => sum)).size).toBe(1);
    expect(all.every(({ isWhole }) => isWhole)).toBe(true);
    expect(fetched(registry, layers)).toEqual(layers.map(() => 1));
  });

  it("do not wait for one that does not read, which gets all of it in the end", async ({ expect }) => {
    const { name, server } = await world({}, { layers: [30_000_000, 2_000_000] });
    const slow = await server.open(name);
    const fast = await server.get(name);
    expect(fast.isWhole).toBe(true);
    const late = await got(slow);
    expect([late.isWhole, late.sha256]).toEqual([true, fast.sha256]);
  });

  it("that go away end what is read for them, and nobody else's", async ({ expect }) => {
    const { registry, name, server } = await world({}, { layers: [30_000_000] });
    const [one, two] = [await server.open(name), await server.open(name)];
    one.once("error", () => {});
    one.once("data", () => one.destroy());
    expect((await got(two)).isWhole).toBe(true);
    const before = registry.requests.length;
    const three = await server.open(name);
    three.on("error", () => {});
    three.once("data", () => three.destroy());
    await once(three, "close");
    await vi.waitUntil(() => server.failures.length === 2);
    expect(server.failures.map((error) => (error as Error).name)).toEqual(["AbortError", "AbortError"]);
    expect(registry.requests.length).toBeLessThanOrEqual(before + 4);
  });

  it("with passwords share nothing", async ({ expect }) => {
    const registry = await fake({ auth: "basic" });
    const { layers } = await addImage(registry, "a", "v1", { layers: [4_000_000] });
    const cache = new MemoryCache();
    const server = await downloader({ layers: cache });
    const name = `${registry.host}/a:v1`;
    await Promise.all([1, 2].map(async () => await server.get(name, { login: LOGIN })));
    expect(fetched(registry, layers)).toEqual([2]);
    expect(cache.entries.size).toBe(0);
    for (const { digest } of layers) cache.entries.set(digest, Buffer.alloc(1));
    expect((await server.get(name, { login: LOGIN })).isWhole).toBe(true);
    expect((await server.get(name)).status).toBe(401);
  });
});

describe("a cache of layers", () => {
  it("gets each layer once it is verified, and gives it to the next", async ({ expect }) => {
    const { registry, name, layers } = await world();
    const cache = new MemoryCache();
    const first = await (await downloader({ layers: cache })).get(name);
    await vi.waitUntil(() => cache.entries.size === layers.length);
    for (const { digest, size } of layers)
      expect(sha256(cache.entries.get(digest)?.subarray(0, size) ?? Buffer.alloc(0))).toBe(digest);
    registry.requests.splice(0);
    const server = await downloader({ layers: cache });
    const second = await server.get(name);
    expect(second.sha256).toBe(first.sha256);
    expect(fetched(registry, layers)).toEqual(layers.map(() => 0));
    const part = await server.get(name, { headers: { range: "bytes=1000000-12000000" } });
    expect(part.bytes.equals(first.bytes.subarray(1_000_000, 12_000_001))).toBe(true);
    expect(fetched(registry, layers)).toEqual(layers.map(() => 0));
  });

  it("gets a layer from one reading, whichever registries it is read of", async ({ expect }) => {
    const registry = await fake();
    const other = await fake();
    const { layers } = await addImage(registry, "a", "v1", { layers: [9_000_000] });
    const base = `${registry.origin}/v2/a`;
    const manifest = await (
      await fetch(`${base}/manifests/v1`, { headers: { accept: `${OCI}.manifest.v1+json` } })
    ).bytes();
    const { config } = json(manifest) as { config: Described };
    for (const { digest } of [config, ...layers]) other.addBlob(await (await fetch(`${base}/blobs/${digest}`)).bytes());
    other.addManifest("a", "v1", manifest, `${OCI}.manifest.v1+json`);
    const cache = new MemoryCache();
    const server = await downloader({ layers: cache });
    const both = await Promise.all([registry, other].map(async ({ host }) => await server.get(`${host}/a:v1`)));
    expect(both.map(({ isWhole }) => isWhole)).toEqual([true, true]);
    await vi.waitUntil(() => cache.entries.size === 1);
    expect(cache.stored).toEqual([layers[0]?.digest]);
  });

  it("that fails in the middle is gone on for by the registry", async ({ expect }) => {
    const { name } = await world();
    const cache = new MemoryCache();
    const whole = await (await downloader({ layers: cache })).get(name);
    await vi.waitUntil(() => cache.entries.size === LAYERS.length);
    cache.failsAfter = 1_000_000;
    expect((await (await downloader({ layers: cache })).get(name)).sha256).toBe(whole.sha256);
  });
});

describe("layers of zstd", () => {
  it("are unpacked for engines that cannot read them, and only then", async ({ expect }) => {
    const { name, server, layers } = await world({}, { layers: [3_000_000, 50], compression: "zstd" });
    const stored = await files((await server.get(name)).bytes);
    for (const { digest } of layers) expect(stored.has(`blobs/${digest.replace(":", "/")}`)).toBe(true);
    const whole = await server.get(name, { format: "docker" });
    expect(whole.isWhole).toBe(true);
    const members = await files(whole.bytes);
    const [entry] = json(members.get("manifest.json")) as { Config: string; Layers: string[] }[];
    const { rootfs } = json(members.get(entry?.Config ?? "")) as { rootfs: { diff_ids: string[] } };
    expect(entry?.Layers).toEqual(rootfs.diff_ids.map((id) => `blobs/${id.replace(":", "/")}`));
    for (const [path, content] of members) {
      if (path.startsWith("blobs/")) expect(sha256(content)).toBe(path.replace("blobs/sha256/", "sha256:"));
    }
    const { manifests } = json(members.get("index.json")) as { manifests: Described[] };
    const manifest = json(members.get(`blobs/${manifests[0]?.digest.replace(":", "/")}`)) as { layers: Described[] };
    expect(manifest.layers.map(({ mediaType, digest }) => [mediaType, digest])).toEqual(
      rootfs.diff_ids.map((id) => [`${OCI}.layer.v1.tar`, id]),
    );
    const part = await server.get(name, { format: "docker", headers: { range: "bytes=2000000-" } });
    expect(part.bytes.equals(whole.bytes.subarray(2_000_000))).toBe(true);
  });

  it("of several frames are unpacked to their end, and what is in them is what the config says", async ({ expect }) => {
    const registry = await fake();
    const tar = Buffer.alloc(3_000_000, "gantry");
    const frames = Buffer.concat([
      zstdCompressSync(tar.subarray(0, 1_000_000)),
      zstdCompressSync(tar.subarray(1_000_000)),
    ]);
    for (const [tag, diffId] of [
      ["v1", sha256(tar)],
      ["lies", sha256(frames)],
    ] as const) {
      const config = Buffer.from(
        JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { diff_ids: [diffId] } }),
      );
      registry.addManifest("a", tag, {
        schemaVersion: 2,
        config: { mediaType: `${OCI}.config.v1+json`, digest: registry.addBlob(config), size: config.length },
        layers: [{ mediaType: `${OCI}.layer.v1.tar+zstd`, digest: registry.addBlob(frames), size: frames.length }],
      });
    }
    const server = await downloader();
    const members = await files((await server.get(`${registry.host}/a:v1`, { format: "docker" })).bytes);
    expect(Buffer.compare(members.get(`blobs/${sha256(tar).replace(":", "/")}`) ?? Buffer.alloc(0), tar)).toBe(0);
    expect((await server.get(`${registry.host}/a:lies`, { format: "docker" })).status).toBe(502);
  });
});
