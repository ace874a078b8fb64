/**
 * Every form of image through the registry, by clients as they are: what comes out is what went in, under the same digest,
 * also by way of another registry. And wrangler, which speaks with registries in HTTPS alone.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, ControlPlane, PROJECT_DIR, TOKEN } from "./control-plane.ts";
import { DockerClient } from "./docker-client.ts";
import { DOCKER, digestOf, dockerImageFolder, type TestImage, type TestImages, testImages } from "./oci-layout.ts";
import {
  copyFlags,
  type DockerRegistry,
  registryTools,
  skopeo,
  startDockerRegistry,
  trySkopeo,
} from "./registry-tools.ts";
import { registryWorld, type RegistryWorld } from "./registry-world.ts";
import { startTlsFront, type TlsFront } from "./tls-front.ts";

const run = promisify(execFile);
const plane = new ControlPlane();
let front: TlsFront;
let peer: DockerRegistry;
let world: RegistryWorld;
let images: TestImages;

beforeAll(async () => {
  await registryTools();
  front = await startTlsFront();
  await plane.start({ MANAGED_REGISTRY: front.host });
  front.passTo(plane.origin);
  peer = await startDockerRegistry();
  world = await registryWorld(plane, front.host);
  images = await testImages(join(world.folder, "images"));
});
afterAll(async () => {
  await plane.stop();
  await peer.stop();
  await front.stop();
  await world.remove();
});

const FORMS: readonly TestImage[] = ["layered", "mixed", "platforms", "attested", "empty-layer"];
const into = () => copyFlags(null, world.user);
const outOf = () => copyFlags(world.user, null);
const creds = () => ["--tls-verify=false", `--creds=${world.user.user}:${world.user.password}`];

/** Digests of what an OCI layout in a folder names. */
async function digestsIn(folder: string): Promise<string[]> {
  const { manifests } = JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
  return manifests.map(({ digest }: { digest: string }) => digest);
}

const sync = (...args: string[]) => skopeo("sync", "--all", ...outOf(), "--src=docker", ...args);
const blobsIn = async (folder: string) => (await readdir(join(folder, "blobs/sha256"))).toSorted();

describe("skopeo copy", () => {
  it.for(FORMS)("brings %s in and out with every digest kept, also by another registry", async (form, { expect }) => {
    const all = ["--all", "--preserve-digests"];
    const digest = images.digests[form];
    await skopeo("copy", ...all, ...into(), images.layout.at(form), world.image("kept", form));
    expect(await world.digest("kept", form)).toBe(digest);
    const away = `docker://${peer.host}/kept:${form}`;
    await skopeo("copy", ...all, ...outOf(), world.image("kept", form), away);
    await skopeo("copy", ...all, ...into(), away, world.image("came-back", form));
    expect(await world.digest("came-back", form)).toBe(digest);
    const [direct, returned] = [join(world.folder, `direct-${form}`), join(world.folder, `returned-${form}`)];
    await skopeo("copy", ...all, ...outOf(), world.image("kept", form), `oci:${direct}:it`);
    await skopeo("copy", ...all, ...outOf(), world.image("came-back", form), `oci:${returned}:it`);
    expect(await digestsIn(direct)).toEqual([digest]);
    // Of what is here by its name, the bytes are right: the layout was made of verified ones.
    expect(await blobsIn(returned)).toEqual(await blobsIn(direct));
  });

  it.for(["layered", "mixed", "empty-layer", "platforms"] as const)(
    "brings %s in and out without such flags",
    async (form, { expect }) => {
      const digestFile = join(world.folder, "copied");
      const copy = ["copy", "--digestfile", digestFile];
      await skopeo(...copy, ...into(), images.layout.at(form), world.image("plain", form));
      expect(await world.digest("plain", form)).toBe(await readFile(digestFile, "utf8"));
      const folder = join(world.folder, `plain-${form}`);
      await skopeo("copy", ...outOf(), world.image("plain", form), `oci:${folder}:it`);
      expect(await digestsIn(folder)).toEqual([await readFile(digestFile, "utf8")]);
    },
  );

  it("keeps an image in Docker's own form as it is", async ({ expect }) => {
    const folder = join(world.folder, "docker-form");
    const { digest } = await dockerImageFolder(folder, [{}, { files: [] }]);
    await skopeo("copy", "--preserve-digests", ...into(), `dir:${folder}`, world.image("docker-form", "1"));
    expect(await world.digest("docker-form", "1")).toBe(digest);
    const raw = await skopeo("inspect", "--raw", ...creds(), world.image("docker-form", "1"));
    expect(JSON.parse(raw).mediaType).toBe(DOCKER.manifest);
    const back = join(world.folder, "docker-form-back");
    await skopeo("copy", ...outOf(), world.image("docker-form", "1"), `dir:${back}`);
    expect(digestOf(await readFile(join(back, "manifest.json")))).toBe(digest);
  });
});

describe("skopeo", () => {
  it("list-tags, delete: what is deleted is gone, the rest stays", async ({ expect }) => {
    for (const form of ["layered", "mixed"] as const)
      await skopeo("copy", ...into(), images.layout.at(form), world.image("listed", form));
    const tags = async () => JSON.parse(await skopeo("list-tags", ...creds(), world.image("listed"))).Tags;
    expect(await tags()).toEqual(["layered", "mixed"]);
    await skopeo("delete", ...creds(), world.image("listed", "layered"));
    expect(await tags()).toEqual(["mixed"]);
    expect((await trySkopeo("inspect", ...creds(), world.image("listed", "layered"))).code).not.toBe(0);
    await skopeo("inspect", ...creds(), world.image("listed", "mixed"));
  });

  it("sync: a repository into a folder, and into another registry", async ({ expect }) => {
    for (const form of ["layered", "platforms"] as const)
      await skopeo("copy", "--all", ...into(), images.layout.at(form), world.image("synced", form));
    const folder = join(world.folder, "synced");
    await mkdir(folder);
    const source = world.image("synced").replace("docker://", "");
    await sync("--dest=dir", source, folder);
    expect((await readdir(folder)).toSorted()).toEqual(["synced:layered", "synced:platforms"]);
    await sync("--dest=docker", source, peer.host);
    for (const form of ["layered", "platforms"] as const) {
      const there = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${peer.host}/synced:${form}`);
      expect(digestOf(Buffer.from(there))).toBe(images.digests[form]);
    }
  });

  it("sync: a folder into the registry", async ({ expect }) => {
    const folder = join(world.folder, "to-sync");
    await mkdir(folder);
    await skopeo("copy", images.layout.at("layered"), `dir:${join(folder, "app:1")}`);
    const place = world.image("from-folder").replace("docker://", "");
    await skopeo("sync", "--src=dir", "--dest=docker", ...into(), folder, place);
    expect(await world.digest("from-folder/app", "1")).toBe(images.digests.layered);
  });
});

describe("umoci", () => {
  it("makes an image that is pushed, and unpacks what is pulled", async ({ expect }) => {
    const umoci = async (...args: string[]) => await run("umoci", args);
    const [made, pulled] = [join(world.folder, "made"), join(world.folder, "pulled")];
    const file = join(world.folder, "greeting");
    await writeFile(file, "hello from umoci");
    await umoci("init", "--layout", made);
    await umoci("new", "--image", `${made}:1`);
    await umoci("insert", "--rootless", "--image", `${made}:1`, file, "/greeting");
    await umoci("config", "--image", `${made}:1`, "--config.cmd", "/greeting");
    await skopeo("copy", "--preserve-digests", ...into(), `oci:${made}:1`, world.image("umoci", "1"));
    await skopeo("copy", ...outOf(), world.image("umoci", "1"), `oci:${pulled}:1`);
    expect(await digestsIn(pulled)).toEqual(await digestsIn(made));
    const bundle = join(world.folder, "bundle");
    await umoci("unpack", "--rootless", "--image", `${pulled}:1`, bundle);
    expect(await readFile(join(bundle, "rootfs/greeting"), "utf8")).toBe("hello from umoci");
    // umoci's files may not be removed by others than root otherwise.
    await run("chmod", ["-R", "u+rwX", bundle]);
  });
});

describe("the Docker engine", () => {
  it("runs nothing of an image that skopeo has pushed, but has it with the same layers", async ({ expect }) => {
    const docker = new DockerClient(world.folder);
    await docker.login(world.host, world.user.user, world.user.password);
    await skopeo("copy", "--all", ...into(), images.layout.at("attested"), world.image("pulled", "1"));
    const name = `${world.host}/${ACCOUNT_ID}/pulled:1`;
    await docker.run("pull", name);
    expect(await docker.repoDigests(name)).toEqual([name.replace(/:1$/, `@${images.digests.attested}`)]);
    // What it pushes again is another manifest, of layers that are there: they are not sent again.
    const again = `${world.host}/${ACCOUNT_ID}/pushed-again:1`;
    await docker.run("tag", name, again);
    expect(await docker.run("push", again)).toMatch(/Mounted from|Layer already exists/);
    await docker.run("rmi", name, again);
    await docker.run("pull", again);
    await docker.run("rmi", again);
  });
});

async function wrangler(...args: string[]): Promise<string> {
  const program = join(PROJECT_DIR, "node_modules/wrangler/bin/wrangler.js");
  const { stdout } = await run(process.execPath, [program, ...args], {
    cwd: world.folder,
    env: {
      ...process.env,
      CLOUDFLARE_API_BASE_URL: `${plane.origin}/client/v4`,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
      CLOUDFLARE_CONTAINER_REGISTRY: front.host,
      DOCKER_CONFIG: join(world.folder, "wrangler"),
      NODE_EXTRA_CA_CERTS: front.certificate,
      WRANGLER_SEND_METRICS: "false",
      NO_COLOR: "1",
      CI: "true",
    },
  });
  return stdout;
}

const list = async () => JSON.parse(await wrangler("containers", "images", "list", "--json", "--filter", "^of-"));

describe("wrangler", () => {
  it("containers images list and delete are of this registry", async ({ expect }) => {
    for (const tag of ["1", "2"])
      await skopeo("copy", ...into(), images.layout.at("layered"), world.image("of-wrangler", tag));
    expect(await list()).toEqual([{ name: "of-wrangler", tags: ["1", "2"] }]);
    const said = await wrangler("containers", "images", "delete", "of-wrangler:1", "-y");
    expect(said).toContain("of-wrangler:1");
    expect(said).not.toContain("failed");
    expect(await list()).toEqual([{ name: "of-wrangler", tags: ["2"] }]);
    expect(await world.digest("of-wrangler", "2")).toBe(images.digests.layered);
    expect(front.seen).toContain("GET /v2/_catalog?tags=true");
    expect(front.seen).toContain("PUT /v2/gc/layers");
  });

  it("containers registries credentials let another client in, and only for what was asked", async ({ expect }) => {
    const path = ["containers", "registries", "credentials", front.host, "--pull", "--json"];
    const { username, password } = JSON.parse(await wrangler(...path));
    const user = { user: username, password };
    await skopeo("copy", ...into(), images.layout.at("layered"), world.image("of-credentials", "1"));
    const folder = join(world.folder, "by-wrangler");
    await skopeo("copy", ...copyFlags(user, null), world.image("of-credentials", "1"), `oci:${folder}:1`);
    expect(await digestsIn(folder)).toEqual([images.digests.layered]);
    const push = ["copy", ...copyFlags(null, user), images.layout.at("layered"), world.image("of-credentials", "2")];
    expect((await trySkopeo(...push)).code).not.toBe(0);
  });

  it("containers push sends an image of the engine", async ({ expect }) => {
    const docker = new DockerClient(world.folder);
    await docker.loadImage("of-push:v1");
    await wrangler("containers", "push", "of-push:v1");
    expect(await list()).toContainEqual({ name: "of-push", tags: ["v1"] });
    await docker.run("rmi", "--force", await docker.imageId("of-push:v1"));
  });
});
