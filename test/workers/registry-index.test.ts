/** The index of an account's images: what it answers and what it refuses. */
import { describe, it } from "vitest";
import { MAX_NAMED } from "../../src/registry/store/contract.ts";
import { digestOfBytes } from "../../src/registry/oci/digest.ts";
import { blobIn, digestOfText, draftOf, newAccount, pushBlob, pushImage, storedOf } from "./registry-world.ts";

const PAGE = { limit: 100, last: null };
const NO_HOLD = { hold: false };

const from = (repository: string | null, readable: readonly string[] | "all") => ({ repository, readable });

describe("an image", () => {
  it("is what was pushed, by its tags and its digest, in its repository alone", async ({ expect }) => {
    const { index } = newAccount();
    const image = await pushImage(index, "app", { tags: ["latest", "v1"], layers: ["one", "two", "three"] });
    const texts = await Promise.all(
      image.layers.map(async (one) => await blobIn(await index.blob("app", one, NO_HOLD))),
    );
    expect(texts).toEqual(["one", "two", "three"]);
    const stored = await index.manifest("app", "latest");
    expect(stored?.digest).toBe(image.digest);
    expect(new TextDecoder().decode(stored?.bytes)).toBe(image.text);
    expect(await index.manifest("app", image.digest)).toEqual(stored);
    expect(await index.manifest("app", "v2")).toBeNull();
    expect(await index.manifest("other", image.digest)).toBeNull();
    expect(await index.blob("other", image.layers[0] ?? "sha256:", NO_HOLD)).toBeNull();
  });

  it("is refused while a blob or a manifest that it names is not in its repository", async ({ expect }) => {
    const { index } = newAccount();
    const there = await pushBlob(index, "app", "there");
    const elsewhere = await pushBlob(index, "other", "elsewhere");
    const draft = await draftOf("app", { blobs: [there, elsewhere], tags: ["latest"] });
    expect(await index.putManifest(draft)).toEqual({ stored: false, missing: [elsewhere] });
    expect(await index.manifest("app", "latest")).toBeNull();
    const list = await draftOf("app", { manifests: [draft.digest], tags: ["all"] });
    expect(await index.putManifest(list)).toEqual({ stored: false, missing: [draft.digest] });
    await index.mount("app", elsewhere, { repository: "other", readable: "all" });
    expect(await index.putManifest(draft)).toEqual({ stored: true, wasThere: false });
    expect(await index.putManifest(list)).toEqual({ stored: true, wasThere: false });
    expect(await index.putManifest(list)).toEqual({ stored: true, wasThere: true });
  });

  it("may name what is missing where that is allowed, and a subject that is not there", async ({ expect }) => {
    const { index } = newAccount();
    const missing = await digestOfText("missing");
    const draft = await draftOf("app", { optional: [missing], subject: missing, tags: ["latest"] });
    expect(await index.putManifest(draft)).toEqual({ stored: true, wasThere: false });
  });

  it("of four megabytes is given back to the byte", async ({ expect }) => {
    const { index } = newAccount();
    for (const size of [512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 4 * 1024 * 1024 + 7]) {
      const bytes = new Uint8Array(size).map((_, place) => (place * 31 + (place >> 8)) % 251);
      const digest = await digestOfBytes("sha256", bytes);
      const draft = await draftOf("app", { tags: ["large"] });
      await index.putManifest({ ...draft, bytes, digest });
      const stored = await index.manifest("app", "large");
      expect(stored?.digest).toBe(digest);
      expect(stored?.bytes.byteLength).toBe(size);
      expect(await digestOfBytes("sha256", stored?.bytes ?? new Uint8Array())).toBe(digest);
    }
  });

  it("names as many as fit into its row, with the largest first part", async ({ expect }) => {
    const { index } = newAccount();
    const names = Array.from(
      { length: MAX_NAMED },
      (_, number) => `sha512:${String(number).padStart(128, "0")}` as const,
    );
    const draft = await draftOf("app", { tags: ["wide"] });
    const bytes = new Uint8Array(2 * 1024 * 1024).fill(65);
    expect(await index.putManifest({ ...draft, bytes, optional: names })).toEqual({ stored: true, wasThere: false });
    expect((await index.manifest("app", "wide"))?.bytes.byteLength).toBe(bytes.byteLength);
  });

  it("goes with its tags when it is deleted by digest, and stays when a tag is deleted", async ({ expect }) => {
    const { index } = newAccount();
    const { digest } = await pushImage(index, "app", { tags: ["a", "b"], layers: ["one"] });
    expect(await index.deleteTag("app", "a")).toBe(true);
    expect(await index.deleteTag("app", "a")).toBe(false);
    expect((await index.manifest("app", digest))?.digest).toBe(digest);
    expect(await index.deleteManifest("app", digest)).toBe(true);
    expect(await index.deleteManifest("app", digest)).toBe(false);
    expect(await index.manifest("app", "b")).toBeNull();
    expect(await index.tags("app", PAGE)).toEqual({ items: [], next: null });
  });

  it("may be deleted though an index names it", async ({ expect }) => {
    const { index } = newAccount();
    const { digest } = await pushImage(index, "app", { layers: ["one"] });
    const list = await draftOf("app", { manifests: [digest], tags: ["all"] });
    await index.putManifest(list);
    expect(await index.deleteManifest("app", digest)).toBe(true);
    expect((await index.manifest("app", "all"))?.digest).toBe(list.digest);
  });

  it("has a tag moved to it in the turn in which it is stored", async ({ expect }) => {
    const { index } = newAccount();
    const first = await pushImage(index, "app", { tags: ["latest"], layers: ["one"] });
    const second = await pushImage(index, "app", { tags: ["latest"], layers: ["two"] });
    expect((await index.manifest("app", "latest"))?.digest).toBe(second.digest);
    expect((await index.manifest("app", first.digest))?.digest).toBe(first.digest);
  });
});

describe("tags", () => {
  it("come in the order of their bytes, a page at a time", async ({ expect }) => {
    const { index } = newAccount();
    await pushImage(index, "app", { tags: ["b", "a", "v10", "v2", "B", "_x"], layers: ["one"] });
    expect(await index.tags("app", PAGE)).toEqual({ items: ["B", "_x", "a", "b", "v10", "v2"], next: null });
    expect(await index.tags("app", { limit: 2, last: null })).toEqual({ items: ["B", "_x"], next: "_x" });
    expect(await index.tags("app", { limit: 2, last: "_x" })).toEqual({ items: ["a", "b"], next: "b" });
    // A tag that is not there is a place too.
    expect(await index.tags("app", { limit: 9, last: "b0" })).toEqual({ items: ["v10", "v2"], next: null });
    expect(await index.tags("app", { limit: 0, last: null })).toEqual({ items: [], next: null });
    expect(await index.tags("other", PAGE)).toBeNull();
  });

  it("say how much is below them, what is shared once", async ({ expect }) => {
    const { index } = newAccount();
    const first = await pushImage(index, "app", { layers: ["shared", "one"] });
    const second = await pushImage(index, "app", { layers: ["shared", "second"] });
    const list = await draftOf("app", { manifests: [first.digest, second.digest], tags: ["all"] });
    await index.putManifest(list);
    const { items } = await index.tagViews("app", PAGE);
    const expected = list.bytes.byteLength + first.text.length + second.text.length + "sharedonesecond".length;
    expect(items).toEqual([
      { name: "all", digest: list.digest, mediaType: list.mediaType, size: expected, updatedAt: expect.any(Number) },
    ]);
  });
});

describe("blobs", () => {
  it("are mounted from where the caller may read, and from there alone", async ({ expect }) => {
    const { index, accountId } = newAccount();
    const digest = await pushBlob(index, "private/a", "bytes");
    expect(await index.mount("app", digest, from("private/a", ["app"]))).toBeNull();
    expect(await index.mount("app", digest, from(null, ["app", "other"]))).toBeNull();
    expect(await index.mount("app", digest, from("other", "all"))).toBeNull();
    expect(await index.blob("app", digest, NO_HOLD)).toBeNull();
    expect(await index.mount("app", digest, from("private/a", ["private/a"]))).toMatchObject({ digest, size: 5 });
    expect(await index.mount("app2", digest, from(null, ["x", "app"]))).toMatchObject({ digest, size: 5 });
    expect(await index.mount("app3", digest, from(null, "all"))).toMatchObject({ digest, size: 5 });
    expect(await blobIn(await index.blob("app3", digest, NO_HOLD))).toBe("bytes");
    expect(await storedOf(accountId)).toHaveLength(1);
  });

  it("are kept once, whoever pushes them", async ({ expect }) => {
    const { index, accountId } = newAccount();
    await pushBlob(index, "a", "same");
    const digest = await pushBlob(index, "b", "sa", "me");
    await expect.poll(async () => await storedOf(accountId)).toHaveLength(1);
    expect(await blobIn(await index.blob("b", digest, NO_HOLD))).toBe("same");
    expect((await index.repository("b"))?.size).toBe(4);
  });

  it("are removed from a repository, and from R2 with the last; not while a manifest there names them", async ({
    expect,
  }) => {
    const { index, accountId } = newAccount();
    const { layers, digest } = await pushImage(index, "app", { tags: ["latest"], layers: ["one"] });
    const [layer = "sha256:" as const] = layers;
    await index.mount("other", layer, { repository: "app", readable: "all" });
    expect(await index.unlinkBlob("app", layer)).toBe("in-use");
    expect(await index.unlinkBlob("other", layer)).toBe("removed");
    expect(await index.unlinkBlob("other", layer)).toBe("unknown");
    expect(await index.repository("other")).toBeNull();
    expect(await blobIn(await index.blob("app", layer, NO_HOLD))).toBe("one");
    await index.deleteManifest("app", digest);
    expect(await index.unlinkBlob("app", layer)).toBe("removed");
    expect(await index.blob("app", layer, NO_HOLD)).toBeNull();
    await expect.poll(async () => await storedOf(accountId)).toEqual([]);
    expect(await index.repository("app")).toBeNull();
  });
});

describe("referrers", () => {
  it("are listed by a subject that need not be there, filtered and in pages", async ({ expect }) => {
    const { index } = newAccount();
    const subject = await digestOfText("subject");
    const annotations = { "org.example.key": "value" };
    const drafts = await Promise.all([
      draftOf("app", { subject, artifactType: "application/one", annotations, salt: "1" }),
      draftOf("app", { subject, artifactType: "application/two", salt: "2" }),
      draftOf("app", { subject, artifactType: "application/one", salt: "3" }),
      draftOf("app", { artifactType: "application/one", salt: "4" }),
    ]);
    for (const draft of drafts) await index.putManifest(draft);
    const all = await index.referrers("app", subject, { ...PAGE, artifactType: null });
    const listed = drafts.slice(0, 3).map(({ digest }) => digest).toSorted(); // prettier-ignore
    expect(all.items.map(({ digest }) => digest)).toEqual(listed);
    expect(all.items.find(({ digest }) => digest === drafts[0]?.digest)).toEqual({
      mediaType: drafts[0]?.mediaType,
      digest: drafts[0]?.digest,
      size: drafts[0]?.bytes.byteLength,
      artifactType: "application/one",
      annotations,
    });
    const two = await index.referrers("app", subject, { ...PAGE, artifactType: "application/two" });
    expect(two.items.map(({ digest }) => digest)).toEqual([drafts[1]?.digest]);
    const first = await index.referrers("app", subject, { limit: 2, last: null, artifactType: null });
    expect(first.next).toBe(listed[1]);
    const second = await index.referrers("app", subject, { limit: 2, last: first.next, artifactType: null });
    expect([...first.items, ...second.items]).toEqual(all.items);
    expect(second.next).toBeNull();
    expect(await index.referrers("app", drafts[3]?.digest ?? subject, { ...PAGE, artifactType: null })).toEqual({
      items: [],
      next: null,
    });
    await index.deleteManifest("app", drafts[1]?.digest ?? subject);
    const left = await index.referrers("app", subject, { ...PAGE, artifactType: null });
    expect(left.items).toHaveLength(2);
  });

  it("with long annotations come in short pages that lead on", async ({ expect }) => {
    const { index } = newAccount();
    const subject = await digestOfText("subject");
    const long = { text: "x".repeat(1_600_000) };
    for (const salt of ["1", "2", "3"])
      await index.putManifest(await draftOf("app", { subject, annotations: long, salt }));
    const seen: string[] = [];
    let last: string | null = null;
    do {
      const page: { items: readonly { digest: string }[]; next: string | null } = await index.referrers(
        "app",
        subject,
        {
          limit: 100,
          last,
          artifactType: null,
        },
      );
      expect(page.items.length).toBeLessThan(3);
      seen.push(...page.items.map(({ digest }) => digest));
      last = page.next;
    } while (last !== null);
    expect(new Set(seen).size).toBe(3);
  });
});

describe("repositories", () => {
  it("begin with what is first written and end with the last of it", async ({ expect }) => {
    const { index } = newAccount();
    expect(await index.repository("app")).toBeNull();
    await index.startUpload("app", "upload-1");
    expect(await index.repository("app")).toMatchObject({
      name: "app",
      isPublic: false,
      tags: 0,
      manifests: 0,
      size: 0,
    });
    expect(await index.cancelUpload("app", "upload-1")).toBe(true);
    expect(await index.cancelUpload("app", "upload-1")).toBe(false);
    expect(await index.repository("app")).toBeNull();
    const { digest, layers } = await pushImage(index, "app", { tags: ["v1"], layers: ["one", "four"] });
    expect(await index.repository("app")).toMatchObject({ tags: 1, manifests: 1, size: 7 });
    await index.deleteManifest("app", digest);
    for (const layer of layers) await index.unlinkBlob("app", layer);
    expect(await index.repositories(PAGE)).toEqual({ items: [], next: null });
  });

  it("stay while they are public, though empty", async ({ expect }) => {
    const { index } = newAccount();
    expect(await index.isPublic("app")).toBe(false);
    expect(await index.setPublic("app", true)).toMatchObject({ name: "app", isPublic: true });
    expect(await index.isPublic("app")).toBe(true);
    expect(await index.repository("app")).toMatchObject({ isPublic: true });
    expect(await index.setPublic("app", false)).toMatchObject({ name: "app", isPublic: false });
    expect(await index.repository("app")).toBeNull();
  });

  it("are listed in order, a page at a time", async ({ expect }) => {
    const { index } = newAccount();
    for (const name of ["b", "a/b", "a", "c"]) await index.setPublic(name, true);
    const first = await index.repositories({ limit: 3, last: null });
    expect(first.items.map(({ name }) => name)).toEqual(["a", "a/b", "b"]);
    const second = await index.repositories({ limit: 3, last: first.next });
    expect(second.items.map(({ name }) => name)).toEqual(["c"]);
    expect(second.next).toBeNull();
  });
});
