/** The downloader with what takes longer: the engine's own images, a registry that is killed, clients that hardly read. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, it } from "vitest";
import { docker, eventually } from "./control-plane.ts";
import { pushWithSkopeo } from "./push-image.ts";
import { dockerLoad, inspect, sha256OfFile } from "./downloader/consumers.ts";
import { pushTree } from "./downloader/push.ts";
import { DownloaderWorld } from "./downloader/world.ts";
import { OciLayout } from "./oci-layout.ts";

const MIB = 1_048_576;
const LAYER_BYTES = 40_000_000;
const LAYERS = 5;

let world: DownloaderWorld;
/** Of five layers of 40 MB each. */
let large: string;
let whole: string;
let size: number;

beforeAll(async () => {
  world = await DownloaderWorld.create();
  const layout = await OciLayout.create(join(world.folder, "large"));
  const layer = { files: ["bytes"], size: LAYER_BYTES, compression: "none" as const };
  const made = await layout.image(Array.from({ length: LAYERS }, () => layer));
  await pushTree(layout, made, { host: world.registry.host, repository: "team/web" }, "large");
  large = world.image("large");
  const archive = await world.download(large);
  [whole, size] = [await sha256OfFile(archive), (await stat(archive)).size];
});
afterAll(async () => await world.remove());
beforeEach(() => world.proxy.reset());

const curls = new Set<ChildProcess>();
afterAll(() => {
  for (const child of curls) child.kill("SIGKILL");
});

/** A curl that reads so many bytes a second and throws them away. */
function slowly(rate: string): ChildProcess {
  const child = spawn("curl", ["--silent", "--limit-rate", rate, "--output", "/dev/null", world.url(large)]);
  curls.add(child);
  return child;
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${world.server.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

describe("an image of the engine", () => {
  it("comes back as the one that it was", async ({ expect }) => {
    // Every engine that runs these tests has it.
    const id = await docker("image", "inspect", "--format", "{{.Id}}", "node:24-slim");
    await pushWithSkopeo("node:24-slim", `${world.registry.host}/team/node:24`);
    const archive = await world.download(`${world.proxy.host}/team/node:24`);
    // Its name is another one here, and the engine's own one stays.
    expect((await dockerLoad(archive)).ids).toEqual([id]);
    expect((await inspect(`docker-archive:${archive}`)).config).toBe(id);
  });
});

describe("a large archive", () => {
  it("is the same in a hundred parts, some of them at once", { timeout: 240_000 }, async ({ expect }) => {
    const cuts = Array.from({ length: 99 }, () => randomInt(1, size)).toSorted((a, b) => a - b);
    const edges = [0, ...new Set(cuts), size];
    const parts = edges.slice(0, -1).map((from, index) => ({ from, to: (edges[index + 1] ?? size) - 1 }));
    const joined = world.file();
    const file = await open(joined, "w");
    const left = [...parts];
    const worker = async () => {
      for (let part = left.pop(); part !== undefined; part = left.pop()) {
        const { from, to } = part;
        const piece = world.file();
        const got = await world.curl(world.url(large), piece, "--range", `${from}-${to}`);
        expect([got.code, got.status, got.length]).toEqual([0, 206, to - from + 1]);
        await file.write(await readFile(piece), 0, undefined, from);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    await file.close();
    expect(await sha256OfFile(joined)).toBe(whole);
  });

  it("is finished by another process from a registry that was down at 70 %", async ({ expect }) => {
    let sent = 0;
    world.proxy.onBytes = (bytes) => {
      sent += bytes;
      if (sent > size * 0.7) world.proxy.die();
    };
    const file = world.file();
    const broken = await world.curl(world.url(large), file);
    expect(broken.code).not.toBe(0);
    expect(broken.length).toBeLessThan(size * 0.72);
    await world.restart();
    world.proxy.reset();
    const resumed = await world.curl(world.url(large), file, "--continue-at", "-");
    expect([resumed.code, resumed.status, await sha256OfFile(file)]).toEqual([0, 206, whole]);
  });

  it("waits for nobody who hardly reads, and takes no memory for them", { timeout: 240_000 }, async ({ expect }) => {
    await world.download(large);
    const before = await residentBytes();
    const slow = Array.from({ length: 8 }, () => slowly("200K"));
    await eventually(async () => world.proxy.open > 0 || (await residentBytes()) > before);
    let most = before;
    for (let round = 0; round < 3; round += 1) {
      expect(await sha256OfFile(await world.download(large))).toBe(whole);
      most = Math.max(most, await residentBytes());
    }
    expect((most - before) / MIB).toBeLessThan(160);
    for (const child of slow) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    await eventually(async () => world.proxy.open === 0);
  });

  it("is not fetched on when its only client has gone", async ({ expect }) => {
    const child = slowly("1M");
    await eventually(async () => world.proxy.blobBytes > 0);
    child.kill("SIGKILL");
    await eventually(async () => world.proxy.open === 0);
    // What was read ahead of it is bounded.
    expect(world.proxy.blobBytes).toBeLessThan(size * 0.6);
  });
});
