/** Garbage: what goes, when, and what stays; what dead writers leave; and manifests that no tag leads to. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, it, vi } from "vitest";
import type { RegistryIndex } from "../../src/registry/store/contract.ts";
import type { Registry } from "../../src/registry/store/registry.ts";
import {
  begin,
  blobIn,
  BUCKET,
  digestOfText,
  draftOf,
  newAccount,
  pushBlob,
  pushImage,
  putParts,
  storedOf,
} from "./registry-world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const PAGE = { limit: 100, last: null };
const NO_HOLD = { hold: false };

beforeEach(() => {
  vi.setSystemTime(Date.now());
});

afterEach(() => {
  vi.useRealTimers();
});

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

async function collect(index: RegistryIndex) {
  return await index.collectGarbage({ isDryRun: false });
}

describe("garbage collection", () => {
  it("removes blobs that no manifest names when their hold is over, and no others", async ({ expect }) => {
    const { index, accountId } = newAccount();
    const image = await pushImage(index, "app", { tags: ["latest"], layers: ["one"] });
    const loose = await pushBlob(index, "app", "loose");
    const optional = await pushBlob(index, "app", "optional");
    await index.putManifest(await draftOf("app", { optional: [optional] }));
    pass(10 * MINUTE);
    expect(await collect(index)).toEqual({ blobs: 0, uploads: 0, bytes: 0, examples: [] });
    pass(25 * MINUTE);
    const report = { blobs: 1, uploads: 0, bytes: 5, examples: [`app@${loose}`] };
    expect(await index.collectGarbage({ isDryRun: true })).toEqual(report);
    expect(await blobIn(await index.blob("app", loose, NO_HOLD))).toBe("loose");
    expect(await collect(index)).toEqual(report);
    expect(await index.blob("app", loose, NO_HOLD)).toBeNull();
    expect(await storedOf(accountId)).toHaveLength(2);
    expect(await blobIn(await index.blob("app", image.layers[0] ?? loose, NO_HOLD))).toBe("one");
    expect(await blobIn(await index.blob("app", optional, NO_HOLD))).toBe("optional");
  });

  it("leaves what was asked for by somebody who may push for as long as a hold", async ({ expect }) => {
    const { index } = newAccount();
    const { digest, layers } = await pushImage(index, "app", { layers: ["one"] });
    const [layer = digest] = layers;
    pass(DAY);
    await index.blob("app", layer, { hold: true });
    await index.deleteManifest("app", digest);
    pass(15 * MINUTE - 1);
    await collect(index);
    expect(await index.putManifest(await draftOf("app", { blobs: [layer] }))).toMatchObject({ stored: true });
  });

  it("looks at one repository where one is named, and keeps a blob that another has", async ({ expect }) => {
    const { index, accountId } = newAccount();
    const digest = await pushBlob(index, "a", "shared");
    await index.mount("b", digest, { repository: "a", readable: "all" });
    pass(DAY / 2);
    const both = await index.collectGarbage({ isDryRun: true });
    expect(both).toMatchObject({ blobs: 2, bytes: 6 });
    expect(await index.collectGarbage({ isDryRun: false, repository: "a" })).toMatchObject({ blobs: 1, bytes: 0 });
    expect(await index.blob("a", digest, NO_HOLD)).toBeNull();
    expect(await blobIn(await index.blob("b", digest, NO_HOLD))).toBe("shared");
    expect(await collect(index)).toMatchObject({ blobs: 1, bytes: 6 });
    expect(await storedOf(accountId)).toEqual([]);
    expect(await index.repositories(PAGE)).toEqual({ items: [], next: null });
  });

  it("removes uploads that nobody has written to for a day", async ({ expect }) => {
    const { index, accountId } = newAccount();
    await index.startUpload("app", "left");
    await index.startUpload("app", "slow");
    const write = await begin(index, "app", "left");
    await index.commitWrite(write.ticket, { replaced: 0, segments: await putParts(write, ["four"]), hash: null });
    pass(DAY - 1);
    await begin(index, "app", "slow");
    expect(await collect(index)).toMatchObject({ uploads: 0 });
    pass(1);
    expect(await collect(index)).toMatchObject({ uploads: 1, bytes: 4 });
    expect(await index.upload("app", "left")).toBeNull();
    expect(await index.upload("app", "slow")).not.toBeNull();
    expect(await storedOf(accountId)).toEqual([]);
  });

  it("removes thousands, a turn after the other", async ({ expect }) => {
    const { index, accountId, stub } = newAccount();
    const kept = await pushImage(index, "app", { layers: ["kept"] });
    const keys = Array.from({ length: 2_300 }, (_, number) => `${number}`.padStart(4, "0"));
    await runInDurableObject(stub, (_: Registry, { storage: { sql } }) => {
      for (const key of keys) {
        const digest = `sha256:${key.padStart(64, "0")}`;
        sql.exec("INSERT INTO blobs VALUES (?, 1, 'many', 1, ?)", digest, JSON.stringify([[key, 1]]));
        sql.exec("INSERT INTO links VALUES ('app', ?, 0)", digest);
      }
    });
    for (const key of ["0000", "0999", "1000", "2299"]) await BUCKET.put(`${accountId}/many/${key}`, "x");
    const report = await collect(index);
    expect(report).toMatchObject({ blobs: 2_300, bytes: 2_300 });
    expect(report.examples).toHaveLength(100);
    expect(await storedOf(accountId)).toHaveLength(1);
    expect(await blobIn(await index.blob("app", kept.layers[0] ?? kept.digest, NO_HOLD))).toBe("kept");
  });

  it("beside pushes that go on takes nothing of them", async ({ expect }) => {
    const { index } = newAccount();
    const loose = Array.from({ length: 20 }, (_, number) => `loose ${number}`);
    for (const text of ["shared", "two 0", "two 1", ...loose]) await pushBlob(index, `app${text.length % 3}`, text);
    const pushes = async () =>
      await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const layers = ["shared", `one ${number}`, `two ${number % 5}`];
          return await pushImage(index, `app${number % 3}`, { tags: [`v${number}`], layers });
        }),
      );
    // What was there is garbage when the pushes of the same begin.
    pass(31 * MINUTE);
    const over = new AbortController();
    const garbage = (async () => {
      while (!over.signal.aborted) {
        pass(MINUTE / 10);
        await collect(index);
      }
    })();
    const images = await pushes();
    over.abort();
    await garbage;
    for (const text of loose) {
      expect(await index.blob(`app${text.length % 3}`, await digestOfText(text), NO_HOLD)).toBeNull();
    }
    for (const [number, { layers }] of images.entries()) {
      expect((await index.manifest(`app${number % 3}`, `v${number}`))?.digest).toBe(images[number]?.digest);
      for (const layer of layers)
        expect(await blobIn(await index.blob(`app${number % 3}`, layer, NO_HOLD))).not.toBeNull();
    }
  });
});

describe("what a dead writer has put", () => {
  it("is swept when its upload has become a blob, which stays", async ({ expect }) => {
    const { index, accountId } = newAccount();
    await index.startUpload("app", "upload");
    const dead = await begin(index, "app", "upload");
    await putParts(dead, ["never", "committed"]);
    const write = await begin(index, "app", "upload");
    await index.commitWrite(write.ticket, { replaced: 0, segments: await putParts(write, ["kept"]), hash: null });
    const digest = await digestOfText("kept");
    await index.finishUpload("app", "upload", write.ticket, digest);
    expect(await storedOf(accountId)).toHaveLength(3);
    await collect(index);
    expect(await storedOf(accountId)).toHaveLength(3);
    pass(15 * MINUTE);
    await index.blob("app", digest, { hold: true });
    await collect(index);
    expect(await storedOf(accountId)).toHaveLength(1);
    expect(await blobIn(await index.blob("app", digest, NO_HOLD))).toBe("kept");
  });

  it("is swept when its upload was cancelled or left, also what came after the first look", async ({ expect }) => {
    const { index, accountId, stub } = newAccount();
    await index.startUpload("app", "cancelled");
    const cancelled = await begin(index, "app", "cancelled");
    await index.cancelUpload("app", "cancelled");
    await index.startUpload("app", "left");
    const left = await begin(index, "app", "left");
    await putParts(cancelled, ["x"]);
    await putParts(left, ["y"]);
    pass(16 * MINUTE);
    await collect(index);
    expect(await storedOf(accountId)).toHaveLength(1);
    await putParts(cancelled, ["late"]);
    // The alarm alone finds all of it, and is set no more when nothing is left.
    for (let days = 0; days < 3; days += 1) {
      pass(DAY);
      await runDurableObjectAlarm(stub);
    }
    expect(await storedOf(accountId)).toEqual([]);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });
});

describe("manifests that no tag leads to", () => {
  it("are listed with what leads to them, when they are not new", async ({ expect }) => {
    const { index } = newAccount();
    const child = await pushImage(index, "app", { layers: ["one"] });
    const list = await draftOf("app", { manifests: [child.digest] });
    await index.putManifest(list);
    const signature = await draftOf("app", { subject: list.digest });
    await index.putManifest(signature);
    const tagged = await pushImage(index, "app", { tags: ["latest"], layers: ["two"] });
    const sparse = await draftOf("app", { optional: [tagged.digest, child.digest], salt: "sparse", tags: ["sparse"] });
    const about = await draftOf("app", { subject: tagged.digest, salt: "about" });
    await index.putManifest(about);
    expect(await index.untagged(null, PAGE)).toEqual({ items: [], next: null });
    pass(15 * MINUTE);
    const { items } = await index.untagged("app", PAGE);
    const ledBy = Object.fromEntries(items.map((item) => [item.digest, item.ledBy]));
    expect(ledBy).toEqual({ [child.digest]: [list.digest], [list.digest]: [], [signature.digest]: [list.digest] });
    expect(items.find(({ digest }) => digest === list.digest)?.size).toBe(
      list.bytes.byteLength + child.text.length + 3,
    );
    // A tag on something that names one of them, though it may do without.
    await index.putManifest(sparse);
    const after = await index.untagged("app", PAGE);
    expect(after.items.map(({ digest }) => digest)).toEqual([list.digest, signature.digest].toSorted());
  });

  it("are listed over all repositories, a page at a time", async ({ expect }) => {
    const { index } = newAccount();
    for (const name of ["a", "b", "c"]) {
      for (const salt of ["1", "2"]) await index.putManifest(await draftOf(name, { salt }));
    }
    pass(DAY);
    const all = await index.untagged(null, PAGE);
    expect(all.items.map(({ repository }) => repository)).toEqual(["a", "a", "b", "b", "c", "c"]);
    const paged: unknown[] = [];
    for (let last: string | null | undefined; last !== null;) {
      const page = await index.untagged(null, { limit: 2, last: last ?? null });
      expect(page.items.length).toBeLessThanOrEqual(2);
      paged.push(...page.items);
      last = page.next;
    }
    expect(paged).toEqual(all.items);
    expect((await index.untagged("b", PAGE)).items).toEqual(all.items.slice(2, 4));
  });

  it("are removed from the top, and only while nothing leads to them", async ({ expect }) => {
    const { index } = newAccount();
    const child = await pushImage(index, "app", { layers: ["one"] });
    const list = await draftOf("app", { manifests: [child.digest] });
    await index.putManifest(list);
    expect(await index.removeUntagged("app", list.digest)).toBe(false);
    pass(DAY);
    expect(await index.removeUntagged("app", child.digest)).toBe(false);
    // Pushed once more by its digest: something is about to name it.
    await index.putManifest(list);
    expect(await index.removeUntagged("app", list.digest)).toBe(false);
    pass(15 * MINUTE);
    expect(await index.removeUntagged("app", list.digest)).toBe(true);
    await index.putManifest(await draftOf("app", { blobs: child.layers, tags: ["latest"] }));
    expect(await index.removeUntagged("app", child.digest)).toBe(false);
    await index.deleteTag("app", "latest");
    expect(await index.removeUntagged("app", child.digest)).toBe(true);
    expect(await index.removeUntagged("app", child.digest)).toBe(false);
  });
});
