/** The gateway of KV namespaces, on a real one. */
import { describe, it } from "vitest";
import { at, bound, bytesInChunks, patternLength, refusal } from "./gateways-world.ts";

const MAX = 26_214_400;
const names = at("kv");
const newKey = () => `k-${crypto.randomUUID()}`;
const epochSeconds = () => Math.floor(Date.now() / 1_000);

async function expirationOf(key: string): Promise<number | undefined> {
  return (await bound.NAMES.list({ prefix: key })).keys[0]?.expiration;
}

describe("a value of KV", () => {
  it("is read as it was written, with its metadata", async ({ expect }) => {
    const key = `${newKey()}/ä b?`;
    const path = `/NAMES/${encodeURIComponent(key)}`;
    const metadata = '{"colour":"\\u2603 red","n":[1]}';
    const written = await names("PUT", path, { "gantry-metadata": metadata }, "hello");
    expect([written.status, await written.text()]).toEqual([204, ""]);
    expect(await bound.NAMES.getWithMetadata(key)).toMatchObject({
      value: "hello",
      metadata: { colour: "☃ red", n: [1] },
    });
    for (const method of ["GET", "HEAD"]) {
      const read = await names(method, path);
      expect([read.status, read.headers.get("gantry-metadata")]).toEqual([200, metadata]);
      expect(await read.text()).toBe(method === "GET" ? "hello" : "");
    }
    expect((await names("PUT", path, {}, "other")).status).toBe(204);
    expect((await names("GET", path)).headers.has("gantry-metadata")).toBe(false);
    expect((await names("DELETE", path)).status).toBe(204);
    expect((await names("DELETE", path)).status).toBe(204);
    expect(await refusal(await names("GET", path))).toMatchObject({
      status: 404,
      error: "KEY_NOT_FOUND",
      details: { key },
    });
    expect((await names("HEAD", path)).status).toBe(404);
  });

  it("may be nothing", async ({ expect }) => {
    const key = newKey();
    expect((await names("PUT", `/NAMES/${key}`)).status).toBe(204);
    expect(await bound.NAMES.get(key)).toBe("");
    const read = await names("GET", `/NAMES/${key}`);
    expect([read.status, await read.text()]).toEqual([200, ""]);
  });

  it("lives as long as was said", async ({ expect }) => {
    const key = newKey();
    const before = epochSeconds();
    expect((await names("PUT", `/NAMES/${key}?ttl=60`, {}, "x")).status).toBe(204);
    const expiration = (await expirationOf(key)) ?? 0;
    expect(expiration).toBeGreaterThanOrEqual(before + 60);
    expect(expiration).toBeLessThanOrEqual(epochSeconds() + 60);
    const at2033 = 2_000_000_000;
    expect((await names("PUT", `/NAMES/${key}?expiration=${at2033}`, {}, "x")).status).toBe(204);
    expect(await expirationOf(key)).toBe(at2033);
    expect((await names("PUT", `/NAMES/${key}`, {}, "x")).status).toBe(204);
    expect(await expirationOf(key)).toBeUndefined();
  });

  it.for([
    ["ttl=59", {}, "ttl"],
    ["ttl=0", {}, "ttl"],
    ["ttl=1.5", {}, "ttl"],
    ["ttl=", {}, "ttl"],
    ["ttl=60&ttl=61", {}, "ttl"],
    ["ttl=60&expiration=2000000000", {}, "ttl"],
    ["expiration=1000", {}, "expiration"],
    ["expiration=soon", {}, "expiration"],
    ["expiration=2147483648", {}, "expiration"],
    ["expire=60", {}, "expire"],
    ["", { "gantry-metadata": "plain" }, "gantry-metadata"],
    ["", { "gantry-metadata": '"é"' }, "gantry-metadata"],
    ["", { "if-none-match": "*" }, "if-none-match"],
    ["", { "if-match": '"a"' }, "if-match"],
    ["", { "content-range": "bytes 0-1/2" }, "content-range"],
  ] as const)("is not written with %s %j", async ([query, headers, field], { expect }) => {
    const key = newKey();
    const answer = await refusal(await names("PUT", `/NAMES/${key}?${query}`, headers, "x"));
    expect(answer).toMatchObject({ status: 400, error: "VALIDATE_INPUT", details: { [field]: expect.any(String) } });
    expect(await bound.NAMES.get(key)).toBeNull();
  });

  it("may have as much metadata as KV keeps", async ({ expect }) => {
    const metadata = JSON.stringify("x".repeat(1_022));
    const path = `/NAMES/${newKey()}`;
    expect((await names("PUT", path, { "gantry-metadata": metadata }, "x")).status).toBe(204);
    expect((await names("HEAD", path)).headers.get("gantry-metadata")).toBe(metadata);
    const answer = await refusal(await names("PUT", path, { "gantry-metadata": metadata.replace("x", "xx") }, "y"));
    expect(answer).toMatchObject({
      status: 400,
      details: { "gantry-metadata": expect.stringContaining("1025 bytes") },
    });
  });
});

describe("a large value", () => {
  it.for([
    ["of known length", { "content-length": String(MAX) }],
    ["of unknown length", {}],
  ] as const)("%s streams both ways, up to 25 MiB", { timeout: 120_000 }, async ([, headers], { expect }) => {
    const path = `/NAMES/${newKey()}`;
    expect((await names("PUT", path, headers, bytesInChunks(MAX, 65_536).body)).status).toBe(204);
    expect(await patternLength((await names("GET", path)).body)).toBe(MAX);
    await names("DELETE", path);
  });

  it.for([
    ["of known length", { "content-length": String(MAX + 1) }],
    ["of unknown length", {}],
  ] as const)("%s of more is refused", { timeout: 120_000 }, async ([, headers], { expect }) => {
    const key = newKey();
    const { body, made } = bytesInChunks(2 * MAX, 65_536);
    const answer = await refusal(await names("PUT", `/NAMES/${key}`, headers, body));
    expect(answer).toMatchObject({ status: 413, error: "BODY_TOO_LARGE", details: { limit: MAX } });
    expect(await bound.NAMES.get(key)).toBeNull();
    expect(made()).toBeLessThan(1.5 * MAX);
  });

  it.for([
    ["of known length", { "content-length": "5000000" }],
    ["of unknown length", {}],
  ] as const)("%s that breaks off leaves what was there", async ([, headers], { expect }) => {
    const key = newKey();
    await bound.NAMES.put(key, "before");
    const { body } = bytesInChunks(5_000_000, 65_536, 3_000_000);
    const answer = await names("PUT", `/NAMES/${key}`, headers, body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await bound.NAMES.get(key)).toBe("before");
  });

  it("that is shorter than was said is not stored", async ({ expect }) => {
    const key = newKey();
    const answer = await names("PUT", `/NAMES/${key}`, { "content-length": "100" }, bytesInChunks(50, 10).body);
    expect(await refusal(answer)).toMatchObject({ status: 400, error: "VALIDATE_INPUT" });
    expect(await bound.NAMES.get(key)).toBeNull();
  });

  it("beside others that are being sent, is refused before there is no memory left", async ({ expect }) => {
    const stalled = Array.from({ length: 3 }, () => {
      const { readable, writable } = new IdentityTransformStream();
      return { readable, writer: writable.getWriter() };
    });
    const chunk = new Uint8Array(20 * 1_048_576);
    const answers = stalled.map(({ readable }, index) => names("PUT", `/NAMES/stalled-${index}`, {}, readable));
    const [one, two, three] = stalled;
    await one?.writer.write(chunk);
    await two?.writer.write(chunk);
    await three?.writer.write(chunk).catch(() => undefined);
    const refused = await Promise.race(answers);
    expect(await refusal(refused)).toMatchObject({ status: 429, error: "RATE_LIMITED", retryable: true });
    await Promise.all(stalled.map(({ writer }) => writer.close().catch(() => undefined)));
    expect((await Promise.all(answers)).map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 204, 429]);
    expect((await names("PUT", "/NAMES/stalled-3", {}, chunk)).status).toBe(204);
  });
});

describe("a list of KV", () => {
  it("goes through all keys, page by page", async ({ expect }) => {
    const prefix = `${newKey()}/`;
    const keys = Array.from({ length: 7 }, (_, index) => `${prefix}${index}`);
    await Promise.all(keys.map((key) => bound.NAMES.put(key, "x", { metadata: { key }, expiration: 2_000_000_000 })));
    const found: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const from = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await names("GET", `/NAMES/?prefix=${encodeURIComponent(prefix)}&limit=3${from}`);
      const body: { keys: { name: string; expiration: number; metadata: unknown }[]; cursor: string | null } =
        await page.json();
      for (const { name, ...rest } of body.keys) {
        expect(rest).toEqual({ expiration: 2_000_000_000, metadata: { key: name } });
        found.push(name);
      }
      cursor = body.cursor;
      pages += 1;
    } while (cursor !== null);
    expect([found, pages]).toEqual([keys, 3]);
  });

  it("says what a key does not have", async ({ expect }) => {
    const key = newKey();
    await bound.NAMES.put(key, "x");
    const page = await names("GET", `/NAMES?prefix=${key}`);
    expect(await page.json()).toEqual({
      prefix: key,
      keys: [{ name: key, expiration: null, metadata: null }],
      cursor: null,
    });
  });

  it("is of what is granted, whatever is asked for", async ({ expect }) => {
    const root = newKey();
    for (const key of ["a/1", "a/2", "ab", "b/1"]) await bound.NAMES.put(`${root}/${key}`, "x");
    const confined = at("kv", [{ type: "kv", binding: "NAMES", prefix: `${root}/a/`, access: "read" }]);
    for (const query of ["", `prefix=${root}`, `prefix=${root}/a/`]) {
      const page = await (
        await confined("GET", `/NAMES/?${query}`)
      ).json<{ prefix: string; keys: { name: string }[] }>();
      expect([page.prefix, page.keys.map(({ name }) => name)], query).toEqual([
        `${root}/a/`,
        [`${root}/a/1`, `${root}/a/2`],
      ]);
    }
    for (const prefix of [`${root}/ab`, `${root}/b/`]) {
      expect((await confined("GET", `/NAMES/?prefix=${prefix}`)).status, prefix).toBe(403);
    }
    const { cursor } = await (await names("GET", `/NAMES/?prefix=${root}/&limit=1`)).json<{ cursor: string }>();
    const rest = await confined("GET", `/NAMES/?cursor=${encodeURIComponent(cursor)}`);
    const { keys } = await rest.json<{ keys: { name: string }[] }>();
    expect(keys.every(({ name }) => name.startsWith(`${root}/a/`))).toBe(true);
  });

  it("from a cursor that is none is no failure of Gantry's", async ({ expect }) => {
    for (const cursor of ["x", "%F0%9F%98%80", "AAAA"]) {
      expect((await names("GET", `/NAMES/?cursor=${cursor}`)).status).toBeLessThan(500);
    }
  });
});
