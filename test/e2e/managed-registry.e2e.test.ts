/**
 * As on the platform: images are copied to the managed registry and prepared there before they are started. The registry is
 * Debian's on loopback, and Cloudflare's API a recorded one, whose preparation brings the image to the engine.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, ControlPlane, docker, eventually } from "./control-plane.ts";
import { pushWithSkopeo } from "./push-image.ts";
import { startDockerRegistry, type DockerRegistry } from "./registry-tools.ts";

const TOKEN = "the operator's";
const plane = new ControlPlane();
let managed: DockerRegistry;
let other: DockerRegistry;
let built: string;

/** What the API was asked, in order. */
const asked: string[] = [];
const prepared = new Map<string, "pending" | "ready">();
let refusal: string | null = null;

const api: Server = createServer((request, response) => {
  const answer = async () => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk as string;
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end("{}");
    const path = (request.url ?? "").split("/containers/")[1] ?? "";
    asked.push(path);
    if (path.startsWith("registries/")) {
      return void response.end(JSON.stringify({ success: true, result: { username: "v1", password: "p" } }));
    }
    const { image } = JSON.parse(body) as { image: string };
    if (refusal !== null) {
      return void response.end(JSON.stringify({ success: true, result: { image, status: "error", reason: refusal } }));
    }
    const status = prepared.get(image) ?? "pending";
    if (status === "pending") {
      await docker("pull", image);
      prepared.set(image, "ready");
    }
    response.end(JSON.stringify({ success: true, result: { image, status } }));
  };
  answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
});

beforeAll(async () => {
  [managed, other] = await Promise.all([startDockerRegistry(), startDockerRegistry()]);
  await new Promise<void>((resolve) => void api.listen(0, "127.0.0.1", resolve));
  const { port } = api.address() as AddressInfo;
  await plane.start({
    GANTRY_IMAGE_LOADER_URL: "",
    MANAGED_REGISTRY: managed.host,
    CLOUDFLARE_API_TOKEN: TOKEN,
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
  });
  const images = (await docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
  const found = images.find((image) => image.includes("hello-world") && image.startsWith("cloudflare-dev/"));
  if (found === undefined) throw new Error(`no image of hello-world among ${images.join(", ")}`);
  built = `managed-test:${Date.now()}`;
  const container = await docker("create", found);
  await docker("commit", "--change", `LABEL test=${built}`, container, built);
  await docker("rm", container);
});

afterAll(async () => {
  await plane.stop();
  await Promise.all([managed.stop(), other.stop()]);
  api.close();
  api.closeAllConnections();
  await docker("rmi", "--force", built);
  for (const image of prepared.keys()) await docker("rmi", "--force", image);
});

async function untilPrepared(image: string) {
  return await eventually(async () => {
    const { status, result } = await plane.call("POST", "/image-preparations", { image });
    return status === 200 && result;
  });
}

describe("an image that the platform does not have", () => {
  it("is copied, prepared once and started, from another registry and from Gantry's own", async ({ expect }) => {
    const { username, password } = (
      await plane.call("POST", `/registries/${managed.host}/credentials`, {
        permissions: ["pull", "push"],
        expiration_minutes: 15,
      })
    ).result;
    const host = new URL(plane.origin).host;
    await pushWithSkopeo(built, `${other.host}/team/web:1`);
    await pushWithSkopeo(built, `${host}/team/web:1`, `${username}:${password}`);
    for (const [name, image] of [
      ["managed-other", `${other.host}/team/web:1`],
      ["managed-own", `${host}/team/web:1`],
    ] as const) {
      const id = await plane.create(name, { instances: 1, configuration: { image } });
      await plane.untilReady(id, 1);
      const body = await eventually(async () => {
        const got = await plane.ingress(name);
        return got.status === 200 && got.body;
      });
      expect(body).toContain("Hello from a container");
      expect(await untilPrepared(image)).toMatchObject({ status: "ready" });
      const digest: string = (await untilPrepared(image)).artifact_digest;
      const tag = digest.replace(":", "-");
      const copy = await fetch(`http://${managed.host}/v2/${ACCOUNT_ID}/gantry-${ACCOUNT_ID}/manifests/${tag}`, {
        headers: {
          accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
        },
      });
      expect([copy.status, copy.headers.get("docker-content-digest")]).toEqual([200, digest]);
    }
  });

  it("that cannot be prepared tells why", async ({ expect }) => {
    await docker("tag", built, `${built}-2`);
    const container = await docker("create", built);
    await docker("commit", "--change", "LABEL other=1", container, `${built}-2`);
    await docker("rm", container);
    await pushWithSkopeo(`${built}-2`, `${other.host}/team/other:1`);
    refusal = "the image is too large";
    const result = await untilPrepared(`${other.host}/team/other:1`);
    expect(result).toMatchObject({ status: "error" });
    expect(result.reason).toContain("the image is too large");
    refusal = null;
    await docker("rmi", "--force", `${built}-2`);
  });

  it("is refused where no registry has it", async ({ expect }) => {
    for (const image of [`${other.host}/team/none:1`, `${managed.host}/${ACCOUNT_ID}/none:1`]) {
      const answer = await plane.call("POST", "/applications", {
        name: "managed-none",
        instances: 1,
        configuration: { image },
      });
      expect([answer.status, JSON.stringify(answer.errors).includes("DOESNT_CONTAIN_IMAGE")]).toEqual([400, true]);
    }
  });
});
