/** Against a registry in memory; against ours: test/cli/templates.test.ts. */
import { describe, it } from "vitest";
import { digestOfBytes } from "../../src/registry/oci/digest.ts";
import { buildTemplate, type TemplateArtifact } from "./artifact.ts";
import { RegistryClient } from "./registry-client.ts";
import { filesOf, findTemplate, listTemplates, pushTemplate } from "./shelf.ts";

interface Asked {
  readonly line: string;
  readonly headers: Headers;
}

/** Its repositories in pages of two, whatever is asked for. */
class MemoryRegistry {
  readonly asked: Asked[] = [];
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly manifests = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly failing: Response[] = [];
  readonly paused: number[] = [];
  /** Answered in place of what is there. */
  readonly lies = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly client = new RegistryClient({
    origin: "http://registry.test",
    login: { username: "v1", password: "päss" },
    sleep: async (ms) => void this.paused.push(ms),
    fetch: async (url, init) => await this.#answer(new URL(url as URL), new Request(url, init)),
  });

  get lines(): string[] {
    return this.asked.map(({ line }) => line);
  }

  async #answer(url: URL, request: Request): Promise<Response> {
    this.asked.push({ line: `${request.method} ${url.pathname}`, headers: request.headers });
    const failure = this.failing.shift();
    if (failure !== undefined) return failure;
    const bytes = new Uint8Array(await request.arrayBuffer());
    const [, repository = "", kind = "", reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.+)$/.exec(url.pathname) ?? [];
    if (url.pathname === "/v2/_catalog") return this.#page(url, "repositories", this.#repositories());
    if (kind === "tags") return this.#page(url, "tags", this.#tags(repository));
    if (reference === "uploads/")
      return new Response(null, { status: 202, headers: { location: `${url.pathname}1?a=b` } });
    if (request.method === "PUT" && reference === "uploads/1") {
      this.blobs.set(`${repository}@${url.searchParams.get("digest") ?? ""}`, bytes);
      return new Response(null, { status: 201 });
    }
    const store = kind === "blobs" ? this.blobs : this.manifests;
    const key = `${repository}@${reference}`;
    if (request.method === "PUT") {
      store.set(key, bytes);
      store.set(`${repository}@${await digestOfBytes("sha256", bytes)}`, bytes);
      return new Response(null, { status: 201 });
    }
    const found = this.lies.get(key) ?? store.get(key);
    if (found === undefined) return Response.json({ errors: [{ code: "UNKNOWN", message: "none" }] }, { status: 404 });
    const headers = { "docker-content-digest": await digestOfBytes("sha256", found) };
    return new Response(request.method === "HEAD" ? null : found, { headers });
  }

  #repositories(): string[] {
    return [...new Set([...this.manifests.keys()].map((key) => key.split("@")[0] ?? ""))];
  }

  #tags(repository: string): string[] {
    const of = [...this.manifests.keys()].filter((key) => key.startsWith(`${repository}@`));
    return of.map((key) => key.slice(repository.length + 1)).filter((tag) => !tag.includes(":"));
  }

  #page(url: URL, name: string, all: readonly string[]): Response {
    const last = url.searchParams.get("last") ?? "";
    const page = all.filter((item) => item > last).toSorted((a, b) => (a < b ? -1 : 1));
    const shown = page.slice(0, 2);
    const next = new URLSearchParams({ n: "2", last: shown.at(-1) ?? "" }).toString();
    const link = page.length > 2 ? { link: `<${url.pathname}?${next}>; rel="next"` } : undefined;
    return Response.json({ [name]: shown }, link === undefined ? {} : { headers: link });
  }
}

async function template(name: string, version: string, text = "x"): Promise<TemplateArtifact> {
  return await buildTemplate({
    name,
    version,
    description: `${name} of the tests`,
    secrets: [],
    application: { name },
    files: [{ path: "a.txt", bytes: new Uint8Array(new TextEncoder().encode(text)), isExecutable: false }],
  });
}

describe("the templates of a registry", () => {
  it("are pushed once, under version and latest, with the login that was issued", async ({ expect }) => {
    const registry = new MemoryRegistry();
    const first = await template("web", "1.0.0");
    expect(await pushTemplate(registry.client, first)).toBe(true);
    expect(registry.lines.filter((line) => line.startsWith("PUT") && line.includes("manifests"))).toEqual([
      "PUT /v2/templates/web/manifests/1.0.0",
      "PUT /v2/templates/web/manifests/latest",
    ]);
    const basic = `Basic ${Buffer.from("v1:päss").toString("base64")}`;
    expect(new Set(registry.asked.map(({ headers }) => headers.get("authorization")))).toEqual(new Set([basic]));
    registry.asked.length = 0;
    expect(await pushTemplate(registry.client, first)).toBe(false);
    expect(registry.lines).toEqual([
      "HEAD /v2/templates/web/manifests/1.0.0",
      "HEAD /v2/templates/web/manifests/latest",
    ]);
    const next = await template("web", "1.1.0");
    registry.asked.length = 0;
    await pushTemplate(registry.client, next);
    expect(registry.lines.filter((line) => line.includes("uploads/1"))).toHaveLength(1);
    expect(await registry.client.digestOf("templates/web", "latest")).toBe(next.manifest.digest);
    expect(await registry.client.digestOf("templates/web", "1.0.0")).toBe(first.manifest.digest);
  });

  it("are listed over pages, without what is none", async ({ expect }) => {
    const registry = new MemoryRegistry();
    for (const version of ["1.9.0", "1.10.0"]) await pushTemplate(registry.client, await template("web", version));
    for (const name of ["agent", "team/chat"]) await pushTemplate(registry.client, await template(name, "1.0.0"));
    const image = new TextEncoder().encode('{"schemaVersion":2}');
    for (const name of ["templates-of-others", "templates/image", "a", "zoo", "zoo2", "zoo3"]) {
      await registry.client.pushManifest(name, "latest", new Uint8Array(image));
    }
    registry.asked.length = 0;
    const views = await listTemplates(registry.client);
    expect(views.map(({ name, tags }) => [name, ...tags])).toEqual([
      ["agent", "latest", "1.0.0"],
      ["team/chat", "latest", "1.0.0"],
      ["web", "latest", "1.10.0"],
      ["web", "1.9.0"],
    ]);
    const { manifest, config, bundle } = await template("web", "1.9.0");
    expect(views[3]).toEqual({
      name: "web",
      digest: manifest.digest,
      tags: ["1.9.0"],
      size: manifest.bytes.length + config.bytes.length + bundle.bytes.length,
      version: "1.9.0",
      description: "web of the tests",
    });
    // Those behind the templates are not read to their end.
    expect(registry.lines.filter((line) => line === "GET /v2/_catalog")).toHaveLength(3);
  });

  it("are found by tag and by digest, and told what there is in place of what is not", async ({ expect }) => {
    const registry = new MemoryRegistry();
    const artifact = await template("web", "1.0.0", "hello");
    await expect(findTemplate(registry.client, { name: "web", reference: "latest" })).rejects.toThrow("there are none");
    await pushTemplate(registry.client, artifact);
    for (const reference of ["latest", "1.0.0", artifact.manifest.digest]) {
      const found = await findTemplate(registry.client, { name: "web", reference });
      expect(found.digest).toBe(artifact.manifest.digest);
      expect((await filesOf(registry.client, found)).map(({ path }) => path)).toEqual(["a.txt"]);
    }
    await expect(findTemplate(registry.client, { name: "web", reference: "2" })).rejects.toThrow(
      "template web: there is no 2 of it: there are latest, 1.0.0",
    );
    await expect(findTemplate(registry.client, { name: "wen", reference: "2" })).rejects.toThrow(
      "template wen: there is no such template: there is web; did you mean web?",
    );
  });

  it("are what their digest says, or not used", async ({ expect }) => {
    const registry = new MemoryRegistry();
    const artifact = await template("web", "1.0.0");
    const other = await template("web", "1.0.0", "evil");
    await pushTemplate(registry.client, artifact);
    const wanted = { name: "web", reference: artifact.manifest.digest };
    const found = await findTemplate(registry.client, wanted);
    registry.lies.set(`templates/web@${artifact.bundle.digest}`, other.bundle.bytes);
    await expect(filesOf(registry.client, found)).rejects.toThrow("it is not used");
    registry.lies.set(`templates/web@${artifact.manifest.digest}`, other.manifest.bytes);
    await expect(findTemplate(registry.client, wanted)).rejects.toThrow("it is not used");
  });
});

describe("a registry that is asked", () => {
  it("has time to come back, and is heard when it refuses", async ({ expect }) => {
    const registry = new MemoryRegistry();
    registry.failing.push(
      new Response("busy", { status: 503 }),
      new Response("slower", { status: 429, headers: { "retry-after": "3" } }),
    );
    expect(await registry.client.tags("templates/none")).toEqual([]);
    expect(registry.paused).toEqual([250, 3000]);
    const denied = { errors: [{ code: "DENIED", message: "not yours" }] };
    registry.failing.push(Response.json(denied, { status: 403 }), new Response("<html>", { status: 500 }));
    const tags = () => registry.client.tags("templates/web");
    await expect(tags()).rejects.toThrow(
      /^the registry answered 403 to GET \/v2\/templates\/web\/tags\/list\S*: DENIED: not yours$/,
    );
    await expect(tags()).rejects.toThrow(/^the registry answered 500 .*: no reason given$/);
  });

  it("is sent its login and nobody else is", async ({ expect }) => {
    const registry = new MemoryRegistry();
    registry.failing.push(
      new Response(null, { status: 404 }),
      new Response(null, { status: 202, headers: { location: "http://elsewhere.test/upload" } }),
    );
    const { config } = await template("web", "1.0.0");
    await expect(registry.client.pushBlob("templates/web", config)).rejects.toThrow("names no place of its own");
    expect(registry.lines).toHaveLength(2);
  });
});
