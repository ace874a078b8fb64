/** Images go into the registry of a control plane and come out the same, by the Docker engine and by skopeo. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, ControlPlane } from "./control-plane.ts";
import { DockerClient, pushedDigest } from "./docker-client.ts";
import { testImages } from "./oci-layout.ts";
import { copyFlags, registryTools, skopeo } from "./registry-tools.ts";
import { registryWorld, type RegistryWorld } from "./registry-world.ts";

const plane = new ControlPlane();
let world: RegistryWorld;
let docker: DockerClient;

beforeAll(async () => {
  await registryTools();
  await plane.start();
  world = await registryWorld(plane);
  docker = new DockerClient(world.folder);
});
afterAll(async () => {
  await plane.stop();
  await world.remove();
});

describe("the Docker engine", () => {
  it("may not push before `docker login`, and not with another password", async ({ expect }) => {
    const name = `${world.host}/${ACCOUNT_ID}/docker/refused:1`;
    await docker.loadImage(name);
    expect((await docker.try(["push", name])).code).not.toBe(0);
    const { code, output } = await docker.login(world.host, world.user.user, `${world.user.password}x`);
    expect(code).not.toBe(0);
    expect(output.toLowerCase()).toContain("unauthorized");
    await docker.run("rmi", name);
  });

  it("pushes an image, and pulls the same one where it is not any more", async ({ expect }) => {
    const login = await docker.login(world.host, world.user.user, world.user.password);
    expect(login.output).toContain("Login Succeeded");
    const name = `${world.host}/${ACCOUNT_ID}/docker/web:1`;
    const id = await docker.loadImage(name);
    const digest = pushedDigest(await docker.run("push", name));
    expect(await world.digest("docker/web", "1")).toBe(digest);
    await docker.run("rmi", name);
    expect((await docker.try(["image", "inspect", id])).code).not.toBe(0);
    await docker.run("pull", name);
    expect(await docker.imageId(name)).toBe(id);
    expect(await docker.repoDigests(name)).toEqual([`${world.host}/${ACCOUNT_ID}/docker/web@${digest}`]);
    await docker.run("rmi", name);
    // By digest, too.
    await docker.run("pull", `${world.host}/${ACCOUNT_ID}/docker/web@${digest}`);
    await docker.run("rmi", id);
  });
});

describe("skopeo", () => {
  it("copies an image in and out, byte by byte", async ({ expect }) => {
    const { layout, digests } = await testImages(join(world.folder, "images"));
    const into = copyFlags(null, world.user);
    const digestFile = join(world.folder, "digest");
    await skopeo("copy", "--digestfile", digestFile, ...into, layout.at("layered"), world.image("skopeo/web", "1"));
    expect(await readFile(digestFile, "utf8")).toBe(digests.layered);
    expect(await world.digest("skopeo/web", "1")).toBe(digests.layered);
    const back = join(world.folder, "back");
    await skopeo("copy", ...copyFlags(world.user, null), world.image("skopeo/web", "1"), `oci:${back}:1`);
    const { manifests } = JSON.parse(await readFile(join(back, "index.json"), "utf8"));
    expect(manifests).toEqual([expect.objectContaining({ digest: digests.layered })]);
  });
});
