/** The launcher's helper that loads images, asked as the control plane asks it. */
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { loadArchive } from "../../dev/images/archive.ts";
import { startImageLoader, type ImageLoader } from "../../dev/images/loader.ts";
import { docker, PROJECT_DIR } from "./control-plane.ts";
import { pushWithSkopeo } from "./push-image.ts";
import { startDockerRegistry, type DockerRegistry } from "./registry-tools.ts";

let registry: DockerRegistry;
let loader: ImageLoader;
let digest: string;
const built = `loader-test:${Date.now()}`;

beforeAll(async () => {
  Object.assign(process.env, inject("containerEnv"));
  registry = await startDockerRegistry();
  loader = await startImageLoader({
    dockerSocket: inject("dockerSocket"),
    projectDir: PROJECT_DIR,
    log: () => undefined,
  });
  const container = await docker("create", "node:24-slim");
  await docker("commit", "--change", `CMD ["node", "--print", "'${built}'"]`, container, built);
  await docker("rm", container);
  await pushWithSkopeo(built, `${registry.host}/team/tool:1`);
  const answer = await fetch(`http://${registry.host}/v2/team/tool/manifests/1`, {
    headers: {
      accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
    },
  });
  digest = answer.headers.get("docker-content-digest") ?? "";
  await docker("rmi", "--force", built);
});

afterAll(async () => {
  await loader.close();
  await registry.stop();
});

async function ask(method: string, path: string, body?: unknown, token = loader.vars.GANTRY_IMAGE_LOADER_TOKEN) {
  const answer = await fetch(`${loader.vars.GANTRY_IMAGE_LOADER_URL}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const lines = (await answer.text()).split("\n").filter((line) => line.startsWith("{"));
  return { status: answer.status, last: lines.length === 0 ? null : JSON.parse(lines.at(-1) ?? "") };
}

describe("the loader of images", () => {
  it("is asked by nobody who does not know its secret", async ({ expect }) => {
    for (const token of ["", "other"]) {
      expect((await ask("POST", "/images", {}, token)).status).toBe(401);
      expect((await ask("DELETE", `/images/${digest}`, undefined, token)).status).toBe(401);
    }
    expect((await ask("POST", "/images", { domain: 1 })).status).toBe(400);
    expect((await ask("GET", "/images")).status).toBe(404);
  });

  it("loads an image under a name of its own, and removes that name alone", async ({ expect }) => {
    const wanted = { domain: registry.host, repository: "team/tool", digest };
    const { last } = await ask("POST", "/images", wanted);
    expect(last).toMatchObject({
      state: "ready",
      image: expect.stringMatching(/^gantry\.local\/[0-9a-f]{16}:[0-9a-f]{64}$/),
    });
    expect(await docker("run", "--rm", last.image)).toBe(built);
    expect((await ask("POST", "/images", wanted)).last).toEqual(last);
    expect((await ask("DELETE", `/images/${digest}`)).status).toBe(204);
    expect(await docker("images", "--quiet", last.image)).toBe("");
    expect((await ask("DELETE", `/images/${digest}`)).status).toBe(204);
  });

  it("tells what no registry has, and what it could not ask for", async ({ expect }) => {
    const none = { domain: registry.host, repository: "team/tool", digest: `sha256:${"0".repeat(64)}` };
    expect((await ask("POST", "/images", none)).last).toMatchObject({ state: "error", passing: false });
    const own = { domain: null, repository: "team/tool", digest };
    expect((await ask("POST", "/images", own)).last).toMatchObject({ state: "error", passing: true });
  });

  it("reads the image itself where the engine does not reach the registry", async ({ expect }) => {
    const image = "gantry.local/by-hand:1";
    const percents: number[] = [];
    await loadArchive(inject("dockerSocket"), {
      domain: registry.host,
      repository: "team/tool",
      digest,
      login: null,
      image,
      onProgress: (percent) => percents.push(percent),
    });
    expect(await docker("run", "--rm", image)).toBe(built);
    expect(percents.at(-1)).toBe(100);
    await docker("rmi", image);
  });
});
