/** The bucket behind a native binding, in workerd, as the launcher starts it. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, test, vi } from "vitest";
import { unstable_startWorker as startWorker } from "wrangler";
import { localBucket } from "./plugin.ts";

const CONFIG = join(import.meta.dirname, "test-worker/wrangler.jsonc");
const MIB = 1024 * 1024;

let directory: string;
let worker: Awaited<ReturnType<typeof start>>;
let url: URL;

async function start() {
  const started = await startWorker({
    config: CONFIG,
    bindings: { BLOBS: localBucket(directory) },
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      remote: false,
      watch: false,
      inspector: false,
      persist: false,
      logLevel: "none",
    },
  });
  url = await started.url;
  return started;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gantry-local-bucket-"));
  worker = await start();
}, 60_000);

afterAll(async () => {
  await worker.dispose();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  const { keys } = await list("?prefix=");
  if (keys.length > 0) await call("DELETE", "", JSON.stringify(keys));
});

async function call(method: string, path: string, body?: BodyInit): Promise<Response> {
  return await fetch(new URL(`/${path}`, url), { method, ...(body === undefined ? {} : { body }) });
}

async function put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<{ size: number; etag: string }> {
  return await (await call("PUT", key, bytes)).json<{ size: number; etag: string }>();
}

async function read(path: string): Promise<Buffer> {
  return Buffer.from(await (await call("GET", path)).arrayBuffer());
}

async function list(query: string): Promise<{ keys: string[]; cursor: string | null }> {
  return await (await call("GET", query)).json<{ keys: string[]; cursor: string | null }>();
}

const files = async () => await readdir(join(directory, "files"));
const patterned = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255);

describe("a local bucket", () => {
  test("gives back what was put, whole and in parts", async ({ expect }) => {
    const bytes = patterned(3 * MIB + 17);
    const stored = await put("a/one", bytes);
    expect(stored.size).toBe(bytes.length);
    expect((await read("a/one")).equals(bytes)).toBe(true);
    expect((await read(`a/one?offset=${MIB - 1}&length=5`)).equals(bytes.subarray(MIB - 1, MIB + 4))).toBe(true);
    expect((await read(`a/one?offset=${3 * MIB}&length=100`)).equals(bytes.subarray(3 * MIB))).toBe(true);
    expect((await read("a/one?suffix=4")).equals(bytes.subarray(-4))).toBe(true);
    expect((await call("GET", `a/one?offset=${4 * MIB}&length=1`)).status).toBe(500);
    expect((await call("HEAD", "a/one")).headers.get("x-size")).toBe(String(bytes.length));
  });

  test.for([0, 10, 3 * MIB + 17])(
    "keeps %d bytes that have their SHA-256, and what is said of them",
    async (size, { expect }) => {
      const bytes = patterned(size);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      expect((await call("PUT", `sum?sha256=${sha256}&note=mine`, bytes)).status).toBe(200);
      expect((await read("sum")).equals(bytes)).toBe(true);
      expect((await call("HEAD", "sum")).headers.get("x-about")).toBe(`text/plain mine ${sha256}`);
    },
  );

  test("keeps nothing of bytes that have another SHA-256", async ({ expect }) => {
    const refused = await call("PUT", `sum?sha256=${"0".repeat(64)}`, patterned(2 * MIB));
    expect(await refused.text()).toContain("(10037)");
    expect((await call("GET", "sum")).status).toBe(404);
    await vi.waitFor(async () => expect(await files()).toEqual([]));
  });

  test("has objects without a byte", async ({ expect }) => {
    await put("empty", new Uint8Array(0));
    expect(await read("empty")).toHaveLength(0);
  });

  test("keeps the last of what was put under one key, and no file of the others", async ({ expect }) => {
    const first = await put("key", patterned(10));
    const second = await put("key", patterned(20));
    expect(second.etag).not.toBe(first.etag);
    expect(await read("key")).toHaveLength(20);
    await vi.waitFor(async () => expect(await files()).toHaveLength(1));
  });

  test("knows nothing of what was deleted, one or many", async ({ expect }) => {
    for (const key of ["x/1", "x/2", "x/3"]) await put(key, patterned(5));
    await call("DELETE", "", JSON.stringify(["x/1", "x/2", "never"]));
    expect((await call("GET", "x/1")).status).toBe(404);
    expect((await call("HEAD", "x/2")).status).toBe(404);
    expect((await list("?prefix=x/")).keys).toEqual(["x/3"]);
    await vi.waitFor(async () => expect(await files()).toHaveLength(1));
  });

  test("lists below a prefix, in pages", async ({ expect }) => {
    for (const key of ["p/b", "p/a", "p/c", "q/a", "p%25"]) await put(key, patterned(1));
    const first = await list("?prefix=p/&limit=2");
    expect(first.keys).toEqual(["p/a", "p/b"]);
    expect(await list(`?prefix=p/&limit=2&cursor=${encodeURIComponent(first.cursor ?? "")}`)).toEqual({
      keys: ["p/c"],
      cursor: null,
    });
  });

  test("keeps nothing of an object whose bytes end too early", async ({ expect }) => {
    expect((await call("PUT", "cut?break=true", patterned(2 * MIB))).status).toBe(500);
    expect((await call("GET", "cut")).status).toBe(404);
    await vi.waitFor(async () => expect(await files()).toEqual([]));
  });

  test("refuses what it does not have", async ({ expect }) => {
    await put("key", patterned(1));
    expect(await (await call("GET", "key?conditional=true")).text()).toContain("without conditions");
    expect(await (await call("POST", "key?multipart=true")).text()).toContain("head, get, put, delete and list");
  });

  test("keeps its objects when it starts again, and removes what a crash left", async ({ expect }) => {
    await put("kept", patterned(7));
    await worker.dispose();
    const folder = join(directory, "index/gantry-local-bucket");
    const [index] = (await readdir(folder)).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
    const db = new DatabaseSync(join(folder, index ?? ""));
    db.exec("INSERT INTO unnamed_files (file) VALUES ('half-done')");
    db.close();
    await writeFile(join(directory, "files/half-done"), "bytes");
    worker = await start();
    expect(await read("kept")).toHaveLength(7);
    await vi.waitFor(async () => expect(await files()).toHaveLength(1));
  });
});
