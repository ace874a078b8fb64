/** `registry.gantry.internal`, as a container asks it: what its policy names is read, and nothing is written. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, call } from "./client.ts";
import { ask, running } from "./egress-world.ts";
import { newRepository, pushBlob, pushImage, randomBytes, send } from "./registry-push-world.ts";

const BASE = "http://registry.gantry.internal";

interface Refusal {
  readonly errors: readonly { code: string; message: string; detail: { needed?: string } | null }[];
}

async function refusalOf(answer: Response) {
  const { errors } = await answer.json<Refusal>();
  const [first] = errors;
  return [answer.status, first?.code, first?.detail?.needed];
}

async function catalogOf(instance: string): Promise<string[]> {
  const answer = await ask(instance, `${BASE}/v2/_catalog`);
  return (await answer.json<{ repositories: string[] }>()).repositories;
}

describe.concurrent("the registry inside", () => {
  it("is read without a login where the policy names the repository", async ({ expect }) => {
    const name = newRepository();
    const layer = randomBytes(70_000);
    const { digest } = await pushImage(name, "latest");
    const blobDigest = await pushBlob(name, layer);
    const { instance } = await running({ registry: ["team/*"] });
    const base = await ask(instance, `${BASE}/v2/`);
    expect([base.status, await base.text()]).toEqual([200, "{}"]);
    const manifest = await ask(instance, `${BASE}/v2/${name}/manifests/latest`);
    expect([manifest.status, manifest.headers.get("docker-content-digest")]).toEqual([200, digest]);
    await manifest.body?.cancel();
    const url = `${BASE}/v2/${name}/blobs/${blobDigest}`;
    const blob = await ask(instance, url);
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(layer);
    const part = await ask(instance, url, { headers: { range: "bytes=69990-" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 69990-69999/70000"]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(layer.slice(69_990));
    const head = await ask(instance, url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "70000"]);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    const tags = await ask(instance, `${BASE}/v2/${ACCOUNT_ID}/${name}/tags/list`);
    expect(await tags.json()).toMatchObject({ tags: ["latest"] });
  });

  it("is nothing to an application that is granted none of it, and says what to add", async ({ expect }) => {
    const name = newRepository();
    await pushImage(name, "latest");
    const without = await running({ default: "allow" });
    const other = await running({ registry: ["teams/*", "one"] });
    for (const { instance } of [without, other]) {
      const refused = await ask(instance, `${BASE}/v2/${name}/manifests/latest`);
      expect(refused.headers.get("gantry-error")).toBe("EGRESS_DENIED");
      expect(await refusalOf(refused)).toEqual([403, "DENIED", name]);
      const head = await ask(instance, `${BASE}/v2/${name}/manifests/latest`, { method: "HEAD" });
      expect([head.status, (await head.arrayBuffer()).byteLength]).toEqual([403, 0]);
    }
    expect(await refusalOf(await ask(without.instance, `${BASE}/v2/_catalog`))).toEqual([403, "DENIED", "*"]);
  });

  it("takes no notice of a login that a container sends", async ({ expect }) => {
    const name = newRepository();
    await pushImage(name, "latest");
    const { result } = await call("POST", "/tokens", { name: "reader", scopes: ["read"] });
    const headers = { authorization: `Basic ${btoa(`any:${String(result.value)}`)}` };
    const { instance } = await running({ registry: ["elsewhere"] });
    expect((await ask(instance, `${BASE}/v2/${name}/manifests/latest`, { headers })).status).toBe(403);
    const granted = await running({ registry: [name] });
    const wrong = { authorization: "Bearer nonsense" };
    const answer = await ask(granted.instance, `${BASE}/v2/${name}/manifests/latest`, { headers: wrong });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
  });

  it("lists what is granted, and with a star all", async ({ expect }) => {
    const [mine, theirs] = [newRepository(), newRepository()];
    await Promise.all([pushImage(mine, "latest"), pushImage(theirs, "latest")]);
    const one = await running({ registry: [mine] });
    const all = await running({ registry: ["*"] });
    expect(await catalogOf(one.instance)).toEqual([mine]);
    expect(await catalogOf(all.instance)).toEqual(expect.arrayContaining([mine, theirs]));
  });

  it("is read and not written, and has no tokens", async ({ expect }) => {
    const name = newRepository();
    const digest = await pushBlob(name, randomBytes(10));
    const { instance } = await running({ registry: ["*"] });
    for (const [method, path] of [
      ["POST", `/v2/${name}/blobs/uploads/`],
      ["PUT", `/v2/${name}/manifests/other`],
      ["DELETE", `/v2/${name}/blobs/${digest}`],
      ["PUT", "/v2/gc/layers"],
    ] as const) {
      const refused = await ask(instance, BASE + path, { method });
      expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      await refused.body?.cancel();
    }
    for (const path of ["/v2/token?scope=repository:x:pull", "/", "/v3/"]) {
      expect((await ask(instance, BASE + path)).status).toBe(404);
    }
    const there = await send("GET", `/v2/${name}/blobs/${digest}`);
    expect(there.status).toBe(200);
    await there.body?.cancel();
  });

  it("has no images of another account but public ones", async ({ expect }) => {
    const { instance } = await running({ registry: ["*"] });
    const url = `${BASE}/v2/${"ab".repeat(16)}/some/image/manifests/latest`;
    expect((await ask(instance, url)).status).toBe(404);
  });
});
