/**
 * Images that this control plane was not deployed with: pushed to a registry with a stock client, named in a configuration,
 * and running without anything of the control plane being restarted.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, ControlPlane, docker, eventually } from "./control-plane.ts";
import { pushWithSkopeo } from "./push-image.ts";
import { freePort, startDockerRegistry, type DockerRegistry } from "./registry-tools.ts";

const plane = new ControlPlane();
let registry: DockerRegistry;
let built: string;

beforeAll(async () => {
  await plane.start();
  registry = await startDockerRegistry();
  const images = (await docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
  const found = images.find((image) => image.includes("hello-world") && image.startsWith("cloudflare-dev/"));
  if (found === undefined) throw new Error(`no image of hello-world among ${images.join(", ")}`);
  // Of its own, so that nothing of it is in the engine under this digest.
  built = `any-image-test:${Date.now()}`;
  const container = await docker("create", found);
  await docker("commit", "--change", `LABEL test=${built}`, container, built);
  await docker("rm", container);
});

afterAll(async () => {
  await registry.stop();
  await plane.stop();
  await docker("rmi", "--force", built);
});

async function untilAnswers(name: string): Promise<string> {
  const answer = await eventually(async () => {
    const got = await plane.ingress(name);
    return got.status === 200 && got;
  });
  return answer.body;
}

describe("an image of Gantry's own registry", () => {
  it("runs as soon as it is pushed, and is kept while it is used", async ({ expect }) => {
    const credentials = await plane.call("POST", "/registries/registry.cloudflare.com/credentials", {
      permissions: ["pull", "push"],
      expiration_minutes: 15,
    });
    const { username, password } = credentials.result;
    const { host } = new URL(plane.origin);
    await pushWithSkopeo(built, `${host}/team/own:1`, `${username}:${password}`);
    const names = [`${host}/team/own:1`, `${host}/${ACCOUNT_ID}/team/own:1`, `${ACCOUNT_ID}/team/own:1`];
    const ids: string[] = [];
    for (const [index, image] of names.entries()) {
      const id = await plane.create(`any-own-${index}`, { instances: 1, configuration: { image } });
      await plane.untilReady(id, 1);
      expect(await untilAnswers(`any-own-${index}`)).toContain("Hello from a container");
      ids.push(id);
    }
    const events = await plane.events(ids[0] ?? "");
    const ready = events.find(({ name }) => name === "ImageReady");
    const digest = String(ready?.details["image"]).split("@")[1] ?? "";
    const removal = () =>
      plane.fetch(`/v2/team/own/manifests/${digest}`, {
        method: "DELETE",
        headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` },
      });
    expect((await removal()).status).toBeGreaterThanOrEqual(400);
    for (const id of ids) await plane.call("DELETE", `/applications/${id}`);
  });
});

describe("an image of another registry", () => {
  it("runs, by the digest that its tag had, and what happens on the way is told", async ({ expect }) => {
    const image = `${registry.host}/team/web:1`;
    await pushWithSkopeo(built, image);
    const id = await plane.create("any-other", { instances: 1, configuration: { image } });
    await plane.untilReady(id, 1);
    expect(await untilAnswers("any-other")).toContain("Hello from a container");
    const names = (await plane.events(id)).map(({ name }) => name);
    expect(names.indexOf("ImageReady")).toBeGreaterThan(-1);
    expect(names).toContain("ImageMirroring");
    expect((await plane.call("GET", `/applications/${id}`)).result.configuration.image).toBe(image);
    // A tag that moves, or goes, changes nothing of what is pinned.
    const prepared = await plane.call("POST", "/image-preparations", { image });
    expect([prepared.status, prepared.result.status]).toEqual([200, "ready"]);
    await registry.stop();
    const more = await plane.call("PATCH", `/applications/${id}`, { instances: 2 });
    expect(more.status).toBe(200);
    await plane.untilReady(id, 2);
    await plane.call("DELETE", `/applications/${id}`);
    const digest: string = prepared.result.artifact_digest;
    // Nobody keeps it any more.
    await eventually(async () => !(await docker("images", "--no-trunc")).includes(digest.replace("sha256:", "")));
    registry = await startDockerRegistry();
  });

  it("that it does not have is refused by the field, and nothing is made", async ({ expect }) => {
    const image = `${registry.host}/team/nothing:1`;
    const answer = await plane.call("POST", "/applications", {
      name: "any-none",
      instances: 1,
      configuration: { image },
    });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.errors)).toContain("IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
    expect((await plane.call("GET", "/applications?name=any-none")).result).toEqual([]);
    const dead = `127.0.0.1:${await freePort()}/team/web:1`;
    const other = await plane.call("POST", "/applications", {
      name: "any-none",
      instances: 1,
      configuration: { image: dead },
    });
    expect([other.status, JSON.stringify(other.errors).includes("IMAGE_REGISTRY_RETURNED_ERROR")]).toEqual([400, true]);
  });

  it("is the one of the first registry of its protocol that answers", async ({ expect }) => {
    await pushWithSkopeo(built, `${registry.host}/team/web:2`);
    const dead = `127.0.0.1:${await freePort()}`;
    for (const domain of [dead, registry.host]) {
      expect((await plane.call("POST", "/registries", { domain, is_public: true })).status).toBe(201);
    }
    const domains = [
      { domain: dead, path: "team" },
      { domain: registry.host, path: "team" },
    ];
    expect((await plane.call("POST", "/registries/protos", { proto: "mine", domains })).status).toBe(201);
    const id = await plane.create("any-proto", { instances: 1, configuration: { image: "mine://web:2" } });
    await plane.untilReady(id, 1);
    expect(await untilAnswers("any-proto")).toContain("Hello from a container");
    await plane.call("DELETE", `/applications/${id}`);
  });
});
