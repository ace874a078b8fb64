/** The gateway of R2 buckets: bodies that are large, slow or broken off, and lists. */
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { ask, at, bound, bytesInChunks, patternLength } from "./gateways-world.ts";

const MIB = 1_048_576;
const files = at("r2");
const newKey = () => `k-${crypto.randomUUID()}`;

describe("a large object", () => {
  it.for([
    ["of known length", { "content-length": String(64 * MIB) }],
    ["of unknown length", {}],
  ] as const)("%s goes up and comes down", { timeout: 120_000 }, async ([, headers], { expect }) => {
    const path = `/FILES/${newKey()}`;
    const said = { ...headers, "content-type": "x/y", "gantry-meta-a": "b" };
    const written = await files("PUT", path, said, bytesInChunks(64 * MIB, 100_000).body);
    expect(await written.json()).toMatchObject({ size: 64 * MIB });
    const read = await files("GET", path);
    expect([read.headers.get("content-type"), read.headers.get("gantry-meta-a")]).toEqual(["x/y", "b"]);
    expect(await patternLength(read.body)).toBe(64 * MIB);
    const part = await files("GET", path, { range: `bytes=${40 * MIB}-${40 * MIB + 9}` });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
    await files("DELETE", path);
  });

  it.for([
    ["of known length", { "content-length": String(20 * MIB) }],
    ["of unknown length", {}],
  ] as const)("%s that breaks off leaves what was there", async ([, headers], { expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "before");
    const { body } = bytesInChunks(20 * MIB, 65_536, 17 * MIB);
    const answer = await files("PUT", `/FILES/${key}`, headers, body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await (await bound.FILES.get(key))?.text()).toBe("before");
  });

  it("that is shorter than was said is not stored", async ({ expect }) => {
    const key = newKey();
    const answer = await files("PUT", `/FILES/${key}`, { "content-length": "100" }, bytesInChunks(50, 10).body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await bound.FILES.head(key)).toBeNull();
  });
});

describe("a body", () => {
  /** In R2's place: takes, and gives, only as much as the test does. */
  class R2Bucket {
    readonly source = bytesInChunks(64 * MIB, 65_536);
    reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

    get() {
      const stored = { size: 64 * MIB, etag: "a", httpEtag: '"a"', uploaded: new Date(0), checksums: {} };
      return Promise.resolve({ ...stored, body: this.source.body });
    }

    put(_: string, body: ReadableStream<Uint8Array>) {
      this.reader = body.getReader();
      return new Promise(() => undefined);
    }
  }
  /** What streams on the way may hold. */
  const HELD = 2 * MIB;

  it("that is read slowly is taken from R2 as slowly", async ({ expect }) => {
    const bucket = new R2Bucket();
    const read = await ask("GET", "http://r2.gantry.internal/FILES/a", {}, undefined, {
      FILES: bucket,
    } as unknown as Env);
    const reader = read.body?.getReader();
    let taken = 0;
    while (taken < 8 * MIB) {
      taken += (await reader?.read())?.value?.byteLength ?? 0;
      expect(bucket.source.made() - taken).toBeLessThan(HELD);
    }
    await reader?.cancel();
  });

  it("that R2 takes slowly is taken from the container as slowly", async ({ expect }) => {
    const bucket = new R2Bucket();
    const { body, made } = bytesInChunks(64 * MIB, 65_536);
    const headers = { "content-length": String(64 * MIB) };
    const bindings = { ...env, FILES: bucket } as unknown as Env;
    void ask("PUT", "http://r2.gantry.internal/FILES/a", { headers, body }, undefined, bindings);
    await Promise.resolve();
    let taken = 0;
    while (taken < 8 * MIB) {
      taken += (await bucket.reader?.read())?.value?.byteLength ?? 0;
      expect(made() - taken).toBeLessThan(HELD);
    }
    await bucket.reader?.cancel();
  });
});

describe("a list", () => {
  it("goes through all keys, page by page", async ({ expect }) => {
    const prefix = `${newKey()}/`;
    const keys = Array.from({ length: 7 }, (_, index) => `${prefix}${index}-ü`);
    await Promise.all(keys.map((key) => bound.FILES.put(key, "x")));
    const found: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const from = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await files("GET", `/FILES/?prefix=${encodeURIComponent(prefix)}&limit=3${from}`);
      const body: { objects: { key: string; size: number; etag: string; uploaded: string }[]; cursor: string | null } =
        await page.json();
      found.push(...body.objects.map(({ key }) => key));
      expect(body.objects[0]).toMatchObject({
        size: 1,
        etag: expect.any(String),
        uploaded: expect.stringContaining("T"),
      });
      expect(body.objects[0]).not.toHaveProperty("customMetadata");
      cursor = body.cursor;
      pages += 1;
    } while (cursor !== null);
    expect([found, pages]).toEqual([keys, 3]);
  });

  it("groups by a delimiter, and shows metadata where it is asked for", async ({ expect }) => {
    const prefix = `${newKey()}/`;
    await files(
      "PUT",
      `/FILES/${prefix}a`,
      { "content-length": "1", "content-type": "x/y", "gantry-meta-m": "1" },
      "x",
    );
    for (const key of ["b/1", "b/2", "c/1"]) await bound.FILES.put(`${prefix}${key}`, "x");
    const page = await files("GET", `/FILES?prefix=${prefix}&delimiter=/&include=metadata`);
    expect(await page.json()).toMatchObject({
      prefix,
      objects: [{ key: `${prefix}a`, httpMetadata: { contentType: "x/y" }, customMetadata: { m: "1" } }],
      prefixes: [`${prefix}b/`, `${prefix}c/`],
      cursor: null,
    });
  });

  it("is of what is granted, whatever is asked for", async ({ expect }) => {
    const root = newKey();
    for (const key of ["a/1", "a/2", "ab", "b/1"]) await bound.FILES.put(`${root}/${key}`, "x");
    const confined = at("r2", [{ type: "r2", binding: "FILES", prefix: `${root}/a/`, access: "read" }]);
    const list = async (query: string) => {
      const page = await confined("GET", `/FILES/?${query}`);
      return await page.json<{ prefix: string; objects: { key: string }[]; prefixes: string[] }>();
    };
    for (const query of ["", `prefix=${root}`, `prefix=${root}/a`, `prefix=${root}/a/`, "delimiter=/"]) {
      const { prefix, objects, prefixes } = await list(query);
      expect([prefix, objects.map(({ key }) => key), prefixes], query).toEqual([
        `${root}/a/`,
        [`${root}/a/1`, `${root}/a/2`],
        [],
      ]);
    }
    for (const prefix of [`${root}/ab`, `${root}/b/`, "zz"]) {
      expect((await confined("GET", `/FILES/?prefix=${prefix}`)).status, prefix).toBe(403);
    }
    // The cursor of a list of everything leads to nothing that is not granted.
    const wide = await files("GET", `/FILES/?prefix=${root}/&limit=1`);
    const { cursor } = await wide.json<{ cursor: string }>();
    const { objects } = await list(`cursor=${encodeURIComponent(cursor)}`);
    expect(objects.every(({ key }) => key.startsWith(`${root}/a/`))).toBe(true);
  });

  it("from a cursor that is none is no failure of Gantry's", async ({ expect }) => {
    for (const cursor of ["x", "%F0%9F%98%80", "AAAA"]) {
      expect((await files("GET", `/FILES/?cursor=${cursor}`)).status).toBeLessThan(500);
    }
  });
});
