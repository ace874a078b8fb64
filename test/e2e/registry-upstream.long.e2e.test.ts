/** Images of a registry in the shape of Docker Hub, pulled through the one of a control plane by a client that people use. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ControlPlane } from "./control-plane.ts";
import { testImages, type TestImages } from "./oci-layout.ts";
import { copyFlags, skopeo, trySkopeo } from "./registry-tools.ts";
import { registryWorld, type RegistryWorld } from "./registry-world.ts";
import { startTokenRegistry, type TokenRegistry } from "./token-registry.ts";

const plane = new ControlPlane();
let upstream: TokenRegistry;
let world: RegistryWorld;
let images: TestImages;

beforeAll(async () => {
  [upstream] = await Promise.all([startTokenRegistry(), plane.start()]);
  world = await registryWorld(plane);
  images = await testImages(join(world.folder, "images"));
  for (const tag of ["layered", "platforms", "attested"] as const) await pushUpstream(tag, tag);
  await plane.call("POST", "/secrets", { name: "UPSTREAM", value: upstream.user.password });
  const stores = `${plane.base.replace(/\/containers$/, "")}/secrets_store/stores`;
  const answer = await fetch(stores, { headers: { authorization: "Bearer e2e-token" } });
  const { result }: { result: { id: string }[] } = await answer.json();
  const private_credential = { store_id: result[0]?.id, secret_name: "UPSTREAM" };
  const auth = { public_credential: upstream.user.user, private_credential };
  const body = { domain: upstream.host, kind: "Generic", auth, pull_through: { prefix: "hub" } };
  const { status, errors } = await plane.call("POST", "/registries", body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
});
afterAll(async () => {
  await plane.stop();
  await upstream.stop();
  await world.remove();
});

async function pushUpstream(tag: string, as: string): Promise<void> {
  const target = `docker://${upstream.host}/team/web:${as}`;
  await skopeo("copy", "--all", ...copyFlags(null, upstream.user), images.layout.at(tag), target);
}

/** The digest of what came. */
async function pull(tag: string): Promise<string> {
  const digestFile = join(world.folder, "digest");
  const target = `oci:${join(world.folder, `back-${tag}`)}:1`;
  const flags = ["--all", "--digestfile", digestFile, ...copyFlags(world.user, null)];
  await skopeo("copy", ...flags, world.image("hub/team/web", tag), target);
  return await readFile(digestFile, "utf8");
}

describe("pull-through of a registry with tokens and another place for blobs", () => {
  it("gives images, indexes and what hangs on them, byte by byte", async ({ expect }) => {
    for (const tag of ["layered", "platforms", "attested"] as const) {
      expect(await pull(tag)).toBe(images.digests[tag]);
    }
    expect(upstream.asked.blobs).toBeGreaterThan(0);
    expect(upstream.asked.refused).toBe(0);
  });

  it("follows a tag that another image has got", async ({ expect }) => {
    await pull("layered");
    await pushUpstream("mixed", "layered");
    expect(await world.digest("hub/team/web", "layered")).toBe(images.digests.layered);
    const path = `/registries/${encodeURIComponent(upstream.host)}`;
    await plane.call("PATCH", path, { pull_through: { prefix: "hub", refresh_seconds: 0 } });
    expect(await world.digest("hub/team/web", "layered")).toBe(images.digests.mixed);
  });

  it("is not pushed to", async ({ expect }) => {
    const target = world.image("hub/team/web", "mine");
    const { code, stderr } = await trySkopeo(
      "copy",
      ...copyFlags(null, world.user),
      images.layout.at("layered"),
      target,
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining("only pulled through")]);
  });

  it("gives what it has when the other registry is gone, as its last test", async ({ expect }) => {
    await pull("platforms");
    await upstream.stop();
    expect(await pull("platforms")).toBe(images.digests.platforms);
    const creds = `--creds=${world.user.user}:${world.user.password}`;
    const image = world.image("hub/team/web", "never");
    const { code, stderr } = await trySkopeo("inspect", "--raw", "--tls-verify=false", creds, image);
    expect([code, stderr]).toEqual([1, expect.stringContaining("502 Bad Gateway")]);
  });
});
