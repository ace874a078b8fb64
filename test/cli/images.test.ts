/** `gantry images …` against a control plane, with images that were pushed as a client pushes them. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, it } from "vitest";
import { TOKEN } from "../contract/server.ts";
import { gantry, newAccount, origin, startPlane, stopPlane, type Account } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

const images = (account: Account, ...args: string[]) => gantry({ account }, "images", ...args);
const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const CONFIG = "application/vnd.oci.image.config.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

async function send(method: string, path: string, body: string, type: string): Promise<void> {
  const authorization = `Basic ${btoa(`operator:${TOKEN}`)}`;
  const response = await fetch(`${origin()}/v2/${path}`, {
    method,
    body,
    headers: { authorization, "content-type": type },
  });
  if (response.status !== 201) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

/** The digest of an image without layers, whose config has this text in it. */
async function push({ id }: Account, repository: string, tag: string, text: string): Promise<string> {
  const config = JSON.stringify({ architecture: "amd64", os: "linux", text });
  const digest = digestOf(config);
  await send("POST", `${id}/${repository}/blobs/uploads/?digest=${digest}`, config, "application/octet-stream");
  const descriptor = { mediaType: CONFIG, digest, size: Buffer.byteLength(config) };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: descriptor, layers: [] });
  await send("PUT", `${id}/${repository}/manifests/${tag}`, manifest, MANIFEST);
  return digestOf(manifest);
}

describe.concurrent("gantry images", () => {
  it("lists repositories and tags, as tables and as lines of JSON", async ({ expect }) => {
    const account = await newAccount();
    expect((await images(account, "list")).out).toMatch(/^there are no images yet/);
    const digest = await push(account, "team/web", "v1", "x");
    await push(account, "team/web", "v2", "y");
    const list = await images(account, "list");
    expect([list.code, list.err]).toEqual([0, ""]);
    expect(list.out).toMatch(/^REPOSITORY +TAGS +IMAGES +SIZE +PULL +CREATED\nteam\/web +2 +2 +\d+ B +login +20/);
    expect(JSON.parse((await images(account, "list", "--json")).out)).toMatchObject({ name: "team/web", tags: 2 });
    const tags = await images(account, "tags", "team/web");
    expect(tags.out).toMatch(/^TAG +DIGEST +SIZE +PLATFORMS +UPDATED +USED BY\nv1 +sha256:[0-9a-f]{12} +\d+ B/);
    const lines = (await images(account, "tags", "team/web", "--json")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ name: "v1", digest, used_by: [] }, { name: "v2" }]);
    expect(await images(account, "tags", "team/db")).toMatchObject({
      code: 1,
      err: expect.stringContaining("IMAGE_REPOSITORY_NOT_FOUND"),
    });
  });

  it("deletes a tag or an image, and says what is no image", async ({ expect }) => {
    const account = await newAccount();
    const digest = await push(account, "web", "v1", "x");
    await push(account, "web", "v2", "x");
    expect(await images(account, "delete", "web:v1")).toEqual({ code: 0, out: "web:v1 is deleted\n", err: "" });
    expect(await images(account, "delete", "web:v1")).toMatchObject({
      code: 1,
      err: expect.stringContaining("IMAGE_NOT_FOUND"),
    });
    expect((await images(account, "delete", `web@${digest}`, "--force")).out).toBe(`web@${digest} is deleted\n`);
    expect((await images(account, "tags", "web")).out).not.toContain("v2");
    for (const [image, word] of [
      ["web", "is no image"],
      ["web@sha256:12", "is no image"],
      ["Web:v1", "is no repository"],
      [`${new URL(origin()).host}/web:v1`, "no host"],
    ] as const) {
      const { code, err } = await images(account, "delete", image);
      expect([image, code, err]).toEqual([image, 1, expect.stringContaining(word)]);
    }
  });

  it("makes a repository public and private again", async ({ expect }) => {
    const account = await newAccount();
    await push(account, "web", "v1", "x");
    const pull = async () => (await fetch(`${origin()}/v2/${account.id}/web/manifests/v1`)).status;
    expect(await pull()).toBe(401);
    expect((await images(account, "visibility", "web", "public")).out).toBe("web is public: anyone may pull from it\n");
    expect((await images(account, "list")).out).toContain("anyone");
    expect(await pull()).toBe(200);
    const { out } = await images(account, "visibility", "web", "private", "--json");
    expect(JSON.parse(out)).toMatchObject({ name: "web", is_public: false });
    expect(await pull()).toBe(401);
    expect((await images(account, "visibility", "web", "open")).err).toContain("public");
  });

  it("collects garbage, and tells before what it would be", async ({ expect }) => {
    const account = await newAccount();
    await push(account, "web", "v1", "x");
    const dry = await images(account, "gc", "--dry-run", "--untagged", "--repository", "web");
    expect(dry).toEqual({ code: 0, out: "0 blobs and 0 uploads (0 B) would be removed\n", err: "" });
    const real = await images(account, "gc", "--json");
    expect(JSON.parse(real.out)).toMatchObject({ dry_run: false, blobs: 0, complete: true });
    expect((await images(account, "gc", "--repository", "Web")).err).toContain("is no repository");
  });
});
