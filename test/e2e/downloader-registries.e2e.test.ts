/** Registries that want to know who asks: in the shape of Docker Hub, and with a password that must not get anywhere else. */
import { randomUUID } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, it } from "vitest";
import { inspect, sha256OfFile, throughSkopeo } from "./downloader/consumers.ts";
import { DownloaderWorld } from "./downloader/world.ts";
import { copyFlags, skopeo } from "./registry-tools.ts";
import { startTokenRegistry, type TokenRegistry } from "./token-registry.ts";

let world: DownloaderWorld;
let hub: TokenRegistry;

beforeAll(async () => {
  [world, hub] = await Promise.all([DownloaderWorld.create(), startTokenRegistry({ anonymous: true })]);
  for (const repository of ["library/web", "team/web"]) {
    const target = `docker://${hub.host}/${repository}:1`;
    await skopeo("copy", "--quiet", ...copyFlags(null, hub.user), world.direct("wide"), target);
  }
});
afterAll(async () => {
  await hub.stop();
  await world.remove();
});
beforeEach(() => world.proxy.reset());

async function post(body: Readonly<Record<string, unknown>>, ...options: readonly string[]) {
  const file = world.file();
  const json = ["--json", JSON.stringify(body)];
  return { file, ...(await world.curl(`${world.server.origin}/api/download`, file, ...json, ...options)) };
}

describe("a registry in the shape of Docker Hub", () => {
  it("gives its image to anybody, by a token and from a place that refuses tokens", async ({ expect }) => {
    const archive = await world.download(`${hub.host}/team/web:1`);
    expect(await throughSkopeo("oci-archive", archive)).toEqual(await inspect(world.direct("wide")));
    expect(hub.asked.refused).toBe(0);
    expect(hub.asked.blobs).toBeGreaterThan(0);
  });

  it("gives parts of it as well", async ({ expect }) => {
    const archive = await readFile(await world.download(`${hub.host}/team/web:1`));
    const file = world.file();
    const [from, to] = [4_000_000, 9_999_999];
    await world.curl(world.url(`${hub.host}/team/web:1`), file, "--range", `${from}-${to}`);
    expect((await readFile(file)).equals(archive.subarray(from, to + 1))).toBe(true);
    expect(hub.asked.refused).toBe(0);
  });
});

describe("a registry with a password", () => {
  const user = { user: "somebody", password: `secret-${randomUUID()}` };
  beforeEach(() => (world.proxy.user = user));

  it("gives its image to whoever sends it by POST, as JSON and as a form, and by POST alone", async ({ expect }) => {
    const image = world.image("layered");
    const asked = { image, username: user.user, password: user.password };
    const json = await post(asked);
    expect([json.code, json.status]).toEqual([0, 200]);
    expect(await throughSkopeo("oci-archive", json.file)).toEqual(await inspect(world.direct("layered")));
    const form = world.file();
    const fields = Object.entries(asked).flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]);
    await world.curl(`${world.server.origin}/api/download-stream`, form, ...fields);
    expect(await sha256OfFile(form)).toBe(await sha256OfFile(json.file));
    const query = world.file();
    const refused = await world.curl(world.url(image, { username: user.user, password: user.password }), query);
    expect(refused.status).toBe(400);
  });

  it("gives it to nobody else, also when it has just been given", async ({ expect }) => {
    const image = world.image("wide");
    const asked = { image, username: user.user, password: user.password };
    expect((await post(asked)).status).toBe(200);
    for (const other of [{ image }, { ...asked, password: "wrong" }, { ...asked, username: "else" }]) {
      const { status, file } = await post(other);
      expect([status, (await stat(file)).size < 2_000]).toEqual([401, true]);
    }
    const layer = (await inspect(world.direct("wide"))).layers[0] ?? "";
    const part = world.file();
    const { status } = await world.curl(world.url(`${world.proxy.host}/team/web@${world.digests.wide}`), part);
    expect([status, layer]).toEqual([401, expect.stringMatching(/^sha256:/)]);
  });

  it("has its password in no line that is printed, and in no other place than that registry", async ({ expect }) => {
    const image = world.image("layered");
    await post({ image, username: user.user, password: user.password });
    await post({ image, username: user.user, password: `${user.password}-wrong` });
    await post({ image: `${hub.host}/team/web:none`, username: user.user, password: user.password });
    for (const text of [user.password, Buffer.from(`${user.user}:${user.password}`).toString("base64")]) {
      expect(world.server.output()).not.toContain(text);
    }
    expect(world.server.output()).toContain("/api/download");
  });

  it("is gone on with by the same POST where it has stopped", async ({ expect }) => {
    const asked = { image: world.image("wide"), username: user.user, password: user.password };
    const whole = await post(asked);
    const { size } = await stat(whole.file);
    // `--range` and `--continue-at` of curl are for GET alone.
    const part = await post(asked, "--header", `range: bytes=9000000-${size - 1}`);
    expect([part.status, part.length]).toEqual([206, size - 9_000_000]);
    expect((await readFile(part.file)).equals((await readFile(whole.file)).subarray(9_000_000))).toBe(true);
  });
});
