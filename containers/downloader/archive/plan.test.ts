import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { assert, nat, property } from "fast-check";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Digest } from "../../../src/registry/oci/digest.ts";
import { piecesOf, planArchive, type ArchiveFile, type ArchivePlan } from "./plan.ts";
import { headerOf } from "./tar.ts";

const run = promisify(execFile);
const blobs = new Map<Digest, Buffer>();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "archive-plan-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

function blob(size: number, algorithm: "sha256" | "sha512" = "sha256"): ArchiveFile {
  const bytes = randomBytes(size);
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
  blobs.set(digest, bytes);
  const stored = { digest, size, isUnpacked: false };
  return {
    name: `blobs/${digest.replace(":", "/")}`,
    content: { kind: "blob", blob: { digest, size, image: 0, stored } },
  };
}

const text = (name: string, content: string): ArchiveFile => ({
  name,
  content: { kind: "bytes", bytes: new TextEncoder().encode(content) },
});

function bytesOf(plan: ArchivePlan, start = 0, end = plan.length): Buffer {
  return Buffer.concat(
    piecesOf(plan, start, end).map((piece) =>
      piece.kind === "bytes"
        ? piece.bytes
        : (blobs.get(piece.blob.digest) ?? Buffer.alloc(0)).subarray(piece.start, piece.end),
    ),
  );
}

const FILES = [
  text("oci-layout", "{}"),
  text("empty", ""),
  blob(512),
  blob(511),
  blob(513),
  blob(100_000, "sha512"),
  blob(1),
];

describe("a planned archive", () => {
  it("is what GNU tar and another reader take it for", async ({ expect }) => {
    const plan = planArchive(FILES);
    const bytes = bytesOf(plan);
    expect(bytes.length).toBe(plan.length);
    const file = join(folder, "a.tar");
    await writeFile(file, bytes);
    const { stdout } = await run("tar", ["--numeric-owner", "--full-time", "-tvf", file], {
      env: { ...process.env, TZ: "UTC" },
    });
    const listed = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/));
    expect(listed.map((fields) => [fields[0], fields[1], Number(fields[2]), fields[3], fields.at(-1)])).toEqual(
      plan.members.map(({ name, size }) => ["-rw-r--r--", "0/0", size, "1970-01-01", name]),
    );
    await run("tar", ["-xf", file, "-C", folder]);
    for (const { name, content } of FILES) {
      const wanted = content.kind === "bytes" ? content.bytes : blobs.get(content.blob.digest);
      expect(Buffer.compare(await readFile(join(folder, name)), wanted ?? Buffer.alloc(0))).toBe(0);
    }
    const entries = await unpackTar(bytes);
    expect(entries.map(({ header, data }) => [header.name, data?.length ?? 0])).toEqual(
      plan.members.map(({ name, size }) => [name, size]),
    );
  });

  it("has the same bytes and the same name whenever it is planned, and others where a file differs", ({ expect }) => {
    const [plan, again] = [planArchive(FILES), planArchive(FILES)];
    expect(again.etag).toBe(plan.etag);
    expect(bytesOf(again).equals(bytesOf(plan))).toBe(true);
    expect(plan.etag).toMatch(/^"[0-9a-f]{40}"$/);
    for (const other of [FILES.slice(1), FILES.toReversed(), [text("oci-layout", "[]"), ...FILES.slice(1)]]) {
      expect(planArchive(other).etag).not.toBe(plan.etag);
    }
  });

  it("is the same in any ranges", ({ expect }) => {
    const plan = planArchive(FILES);
    const whole = bytesOf(plan);
    assert(
      property(nat(plan.length), nat(plan.length), (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect(bytesOf(plan, start, end).equals(whole.subarray(start, end))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    const cuts = Array.from({ length: 99 }, () => Math.floor(Math.random() * plan.length)).toSorted((a, b) => a - b);
    const bounds = [0, ...cuts, plan.length];
    const joined = bounds.slice(1).map((end, index) => bytesOf(plan, bounds[index] ?? 0, end));
    expect(Buffer.concat(joined).equals(whole)).toBe(true);
  });
});

describe("a header", () => {
  it.for([8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 20_000_000_000, 5 * 1024 ** 4])(
    "tells GNU tar of %d bytes",
    async (size, { expect }) => {
      const file = join(folder, `${size}.tar`);
      await writeFile(file, headerOf("blobs/large", size));
      // The rest of it is a hole.
      await truncate(file, 512 + Math.ceil(size / 512) * 512 + 1_024);
      const { stdout } = await run("tar", ["-tvf", file]);
      expect(stdout.split(/\s+/)[2]).toBe(String(size));
    },
  );
});
