/**
 * The downloader as a process of this machine, against Debian's registry: what its archives are understood by, that they are
 * the same each time and in each part, and that nobody ever gets one that only looks whole.
 */
import { randomInt } from "node:crypto";
import { readFile, readdir, rm, stat, truncate } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, it } from "vitest";
import { ensureRegistryTools } from "../../dev/runtime/registry-tools.ts";
import {
  architectureOf,
  Containerd,
  dockerLoad,
  inspect,
  sha256OfFile,
  throughSkopeo,
  unpackWithUmoci,
} from "./downloader/consumers.ts";
import type { Fault } from "./downloader/registry-proxy.ts";
import { DownloaderWorld } from "./downloader/world.ts";
import { eventually } from "./control-plane.ts";

let world: DownloaderWorld;

beforeAll(async () => {
  await ensureRegistryTools({ stateDir: ".gantry", log: (line) => console.log(line) });
  world = await DownloaderWorld.create();
});
afterAll(async () => await world.remove());
beforeEach(() => world.proxy.reset());

const range = (from: number, to: number) => ["--range", `${from}-${to}`];

describe("an archive", () => {
  it("is read by the engine, by skopeo as both of its kinds, by containerd and by umoci", async ({ expect }) => {
    const archive = await world.download(world.image("layered"));
    const source = await inspect(world.direct("layered"));
    const loaded = await dockerLoad(archive);
    expect(loaded.ids).toEqual([source.config]);
    expect(loaded.names).toEqual([world.image("layered")]);
    expect(await throughSkopeo("oci-archive", archive)).toEqual(source);
    expect((await throughSkopeo("docker-archive", archive)).config).toBe(source.config);
    const containerd = await Containerd.start();
    try {
      expect(await containerd.import(archive)).toHaveLength(1);
    } finally {
      await containerd.stop();
    }
    const unpacked = await unpackWithUmoci(archive, "layered");
    expect((await readdir(unpacked.folder)).toSorted()).toEqual(["a", "c", "d", "file"]);
    await unpacked.remove();
  });

  it("has the same bytes from another process, and HEAD says of it what GET does", async ({ expect }) => {
    const first = await world.download(world.image("layered"));
    const head = await world.headers(world.url(world.image("layered")), "--head");
    await world.restart();
    const second = await world.download(world.image("layered"));
    expect(await sha256OfFile(second)).toBe(await sha256OfFile(first));
    const get = await world.headers(world.url(world.image("layered")));
    for (const name of ["content-length", "etag", "content-type", "content-disposition", "accept-ranges"]) {
      expect([name, get.headers.get(name)]).toEqual([name, head.headers.get(name)]);
    }
    expect(Number(head.headers.get("content-length"))).toBe((await stat(first)).size);
    expect(head.headers.get("etag")).toMatch(/^"[^"]+"$/);
  });

  it("is what it is in a hundred parts of any length", { timeout: 60_000 }, async ({ expect }) => {
    const archive = await world.download(world.image("layered"));
    const { size } = await stat(archive);
    const cuts = Array.from({ length: 99 }, () => randomInt(1, size)).toSorted((a, b) => a - b);
    const edges = [0, ...new Set(cuts), size];
    const parts: Buffer[] = [];
    for (const [index, from] of edges.slice(0, -1).entries()) {
      const file = world.file();
      const to = (edges[index + 1] ?? size) - 1;
      const { code, status, length } = await world.curl(world.url(world.image("layered")), file, ...range(from, to));
      expect([code, status, length]).toEqual([0, 206, to - from + 1]);
      parts.push(await readFile(file));
      await rm(file);
    }
    expect(Buffer.concat(parts).equals(await readFile(archive))).toBe(true);
  });

  it("goes on where curl had to stop, and begins anew when it is another one by now", async ({ expect }) => {
    const archive = await world.download(world.image("wide"));
    const resumed = await world.download(world.image("wide"));
    await truncate(resumed, 7_654_321);
    const { code, status } = await world.curl(world.url(world.image("wide")), resumed, "--continue-at", "-");
    expect([code, status]).toEqual([0, 206]);
    expect(await sha256OfFile(resumed)).toBe(await sha256OfFile(archive));
    const file = world.file();
    const ifAnother = ["--header", 'if-range: "another"', ...range(5, 9)];
    const other = await world.curl(world.url(world.image("wide")), file, ...ifAnother);
    expect([other.status, other.length]).toEqual([200, (await stat(archive)).size]);
  });

  it("has several images, and each of their layers once", async ({ expect }) => {
    const archive = await world.download([world.image("layered"), world.image("wide")]);
    const { names, ids } = await dockerLoad(archive);
    expect(names.toSorted()).toEqual([world.image("layered"), world.image("wide")].toSorted());
    const configs = await Promise.all(
      ["layered", "wide"].map(async (tag) => (await inspect(world.direct(tag))).config),
    );
    expect(ids.toSorted()).toEqual(configs.toSorted());
    const twice = await world.download([world.image("wide"), world.image("wide")]);
    expect((await stat(twice)).size).toBeLessThan(
      (await stat(await world.download(world.image("wide")))).size + 10_240,
    );
  });

  it("of layers that an old engine cannot read is made one that it can", async ({ expect }) => {
    const archive = await world.download(world.image("mixed"), { format: "docker" });
    const { ids } = await dockerLoad(archive);
    expect(ids).toEqual([(await inspect(world.direct("mixed"))).config]);
  });

  it("is one of a plain layout where that is asked for", async ({ expect }) => {
    const archive = await world.download(world.image("mixed"), { format: "oci" });
    expect(await throughSkopeo("oci-archive", archive)).toEqual(await inspect(world.direct("mixed")));
  });
});

describe("a platform", () => {
  it("is found in an index, in one within another, and behind what is none", async ({ expect }) => {
    for (const tag of ["platforms", "nested"]) {
      for (const platform of ["linux/amd64", "linux/arm64"]) {
        const archive = await world.download(world.image(tag), { platform });
        expect(await architectureOf(archive)).toBe(platform.split("/")[1]);
      }
    }
    expect(await architectureOf(await world.download(world.image("attested")))).toBe("amd64");
  });

  it("that there is none of is refused with those that there are", async ({ expect }) => {
    const file = world.file();
    const { status } = await world.curl(world.url(world.image("platforms"), { platform: "linux/386" }), file);
    expect(status).toBe(404);
    const { error } = JSON.parse(await readFile(file, "utf8"));
    expect(JSON.stringify(error.platforms)).toContain("linux/arm64");
  });
});

describe("a registry that fails", () => {
  /** Where in the archive of `wide` it happens: in its fourth layer of five. */
  const AT = 2_100_000;
  let whole: string;
  let size: number;
  let fourth: string;

  beforeAll(async () => {
    const archive = await world.download(world.image("wide"));
    [whole, size] = [await sha256OfFile(archive), (await stat(archive)).size];
    fourth = (await inspect(world.direct("wide"))).layers[3] ?? "";
  });

  // What has just been sent may be in memory still.
  beforeEach(async () => await world.restart());

  const failAlways = (fault: Fault) => (world.proxy.fault = ({ digest }) => (digest === fourth ? fault : null));

  it.for<Fault>([
    { kind: "cut", at: AT },
    { kind: "short", at: AT },
    { kind: "status", status: 500 },
    { kind: "status", status: 404 },
  ])("never makes a file that looks whole: %o", async (fault, { expect }) => {
    failAlways(fault);
    const file = world.file();
    const broken = await world.curl(world.url(world.image("wide")), file);
    expect(broken.status).toBe(200);
    expect(broken.code).not.toBe(0);
    expect(broken.length).toBeLessThan(size);
    world.proxy.reset();
    const resumed = await world.curl(world.url(world.image("wide")), file, "--continue-at", "-");
    expect([resumed.code, resumed.status, await sha256OfFile(file)]).toEqual([0, 206, whole]);
  });

  it.for([0, AT, 3_000_000])("by sending another byte at %i is found out", async (at, { expect }) => {
    failAlways({ kind: "flip", at });
    const file = world.file();
    const broken = await world.curl(world.url(world.image("wide")), file);
    expect([broken.status, broken.code === 0]).toEqual([200, false]);
    expect(broken.length).toBeLessThan(size);
    world.proxy.reset();
    // What came is wrong already: going on there may fail, and must not end well with what is wrong.
    const resumed = await world.curl(world.url(world.image("wide")), file, "--continue-at", "-");
    expect(resumed.code === 0 ? await sha256OfFile(file) : whole).toBe(whole);
    expect(await sha256OfFile(await world.download(world.image("wide")))).toBe(whole);
  });

  it("for a moment is asked for what is missing, and nobody notices", async ({ expect }) => {
    world.proxy.fault = ({ digest, before }) => {
      if (before > 0) return null;
      return digest === fourth ? { kind: "cut", at: AT } : { kind: "status", status: 503 };
    };
    expect(await sha256OfFile(await world.download(world.image("wide")))).toBe(whole);
    expect(world.proxy.fetched.get(fourth)).toBe(2);
    expect(world.proxy.blobBytes).toBeLessThan(size * 1.01);
  });

  it("at 70 % for good leaves a file that is finished when it is back", async ({ expect }) => {
    let sent = 0;
    world.proxy.onBytes = (bytes) => {
      sent += bytes;
      if (sent > size * 0.7) world.proxy.die();
    };
    const file = world.file();
    const broken = await world.curl(world.url(world.image("wide")), file);
    expect(broken.code).not.toBe(0);
    expect(broken.length).toBeLessThan(size * 0.72);
    world.proxy.reset();
    const resumed = await world.curl(world.url(world.image("wide")), file, "--continue-at", "-");
    expect([resumed.code, resumed.status, await sha256OfFile(file)]).toEqual([0, 206, whole]);
  });

  it("is not asked any more when the client has gone", async ({ expect }) => {
    const gone = new AbortController();
    const answer = await fetch(world.url(world.image("wide")), { signal: gone.signal });
    await answer.body?.getReader().read();
    gone.abort();
    await eventually(async () => world.proxy.open === 0);
    expect(world.proxy.blobBytes).toBeLessThan(size);
  });
});

describe("two clients of one image at once", () => {
  beforeEach(async () => await world.restart());

  it("make the registry send each layer once", async ({ expect }) => {
    const gate = Promise.withResolvers<void>();
    const { layers } = await inspect(world.direct("wide"));
    world.proxy.gate = (digest) => (layers.includes(digest) ? gate.promise : null);
    const archives = [world.download(world.image("wide")), world.download(world.image("wide"))];
    await eventually(async () => (await underWay()) === 2);
    gate.resolve();
    const [one, other] = await Promise.all(archives);
    expect(await sha256OfFile(one ?? "")).toBe(await sha256OfFile(other ?? ""));
    expect(layers.map((layer) => world.proxy.fetched.get(layer))).toEqual(layers.map(() => 1));
  });
});

/** Archives whose beginning was sent. */
async function underWay(): Promise<number> {
  const metrics = await (await fetch(`${world.server.origin}/metrics`)).text();
  return Number(/^downloader_downloads_active (\d+)$/m.exec(metrics)?.[1]);
}
