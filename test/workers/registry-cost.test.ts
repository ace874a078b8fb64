/** What the index of images costs: rows written and alarms set are the users' bill. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, it, vi } from "vitest";
import type { Registry } from "../../src/registry/store/registry.ts";
import { registryStub } from "../../src/stubs.ts";
import { begin, draftOf, newAccount, pushBlob, pushImage, putParts, digestOfText } from "./registry-world.ts";

const MINUTE = 60_000;

/** Rows and alarms that `work` costs. */
async function costOf(accountId: string, work: () => Promise<unknown>): Promise<number> {
  const billed = async () => {
    const { rowsWritten, alarmsSet } = await registryStub(env, accountId).billing();
    return rowsWritten + alarmsSet;
  };
  const before = await billed();
  await work();
  return (await billed()) - before;
}

describe("rows", () => {
  it("of a push: six a blob, two more for manifest and tag; three for the first of a day, one for the repository", async ({
    expect,
  }) => {
    const { accountId, index } = newAccount();
    // The tables, and what the harness itself writes, are not among them.
    await index.repository("app");
    const push = async (tag: string, layers: string[]) => await pushImage(index, "app", { tags: [tag], layers });
    // A config and three layers. The first: the timer and its alarm, and the repository.
    expect(await costOf(accountId, async () => await push("one", ["config", "a", "b", "c"]))).toBe(4 * 6 + 2 + 2 + 1);
    expect(await costOf(accountId, async () => await push("two", ["config2", "a2", "b2", "c2"]))).toBe(4 * 6 + 2);
  });

  it("of a push of what is there: none for blobs, manifest and tag", async ({ expect }) => {
    const { accountId, index } = newAccount();
    const image = await pushImage(index, "app", { tags: ["latest"], layers: ["a", "b", "c"] });
    const again = async () => {
      for (const layer of image.layers) await index.blob("app", layer, { hold: true });
      const draft = await draftOf("app", { tags: ["latest"], blobs: image.layers });
      await index.putManifest(draft);
    };
    expect(await costOf(accountId, again)).toBe(0);
    const other = async () => await index.putManifest(await draftOf("app", { tags: ["v1"], blobs: image.layers }));
    expect(await costOf(accountId, other)).toBe(1);
  });

  it("of a pull, and of everything that only reads: none", async ({ expect }) => {
    const { accountId, index } = newAccount();
    const { digest, layers } = await pushImage(index, "app", { tags: ["latest"], layers: ["a", "b", "c"] });
    const pull = async () => {
      await index.manifest("app", "latest");
      await index.manifest("app", digest);
      for (const layer of layers) await index.blob("app", layer, { hold: false });
    };
    expect(await costOf(accountId, pull)).toBe(0);
    const page = { limit: 100, last: null };
    const read = async () => {
      await index.tags("app", page);
      await index.tagViews("app", page);
      await index.referrers("app", digest, { ...page, artifactType: null });
      await index.repositories(page);
      await index.repository("app");
      await index.isPublic("app");
      await index.untagged(null, page);
      await index.collectGarbage({ isDryRun: true });
      await index.deleteTag("app", "no");
      await index.mount("app", await digestOfText("no"), { repository: null, readable: "all" });
    };
    expect(await costOf(accountId, read)).toBe(0);
  });

  it("of a HEAD by one who may push: none while the blob is held for long enough, else one", async ({ expect }) => {
    const { accountId, index } = newAccount();
    const digest = await pushBlob(index, "app", "a");
    const head = async () => await index.blob("app", digest, { hold: true });
    expect(await costOf(accountId, head)).toBe(0);
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    expect(await costOf(accountId, head)).toBe(1);
    expect(await costOf(accountId, head)).toBe(0);
    vi.useRealTimers();
  });

  it("of a chunk: two; of an end without bytes: those of the blob alone", async ({ expect }) => {
    const { accountId, index } = newAccount();
    await index.startUpload("app", "upload-1");
    const chunk = async () => {
      const write = await begin(index, "app", "upload-1");
      await index.commitWrite(write.ticket, { replaced: 0, segments: await putParts(write, ["a"]), hash: null });
    };
    expect(await costOf(accountId, chunk)).toBe(2);
    const end = async () => {
      const begun = await index.beginWrite("app", "upload-1", null, true);
      await index.finishUpload("app", "upload-1", begun.begun ? begun.write.ticket : "", await digestOfText("a"));
    };
    expect(await costOf(accountId, end)).toBe(3);
  });
});

describe("alarms", () => {
  it("come once a day while something may be garbage, and end with it", async ({ expect }) => {
    const { accountId, index } = newAccount();
    const alarmAt = async () =>
      await runInDurableObject(
        registryStub(env, accountId),
        async (_: Registry, state) => await state.storage.getAlarm(),
      );
    const ring = async () => await runDurableObjectAlarm(registryStub(env, accountId));
    const start = Date.now();
    vi.setSystemTime(start);
    await pushImage(index, "app", { tags: ["latest"], layers: ["a"] });
    const loose = await pushBlob(index, "app", "loose");
    expect(await alarmAt()).toBe(start + 24 * 60 * MINUTE);
    // Held still, as seen by a client who is about to use it.
    vi.setSystemTime(start + 24 * 60 * MINUTE);
    await index.blob("app", loose, { hold: true });
    expect(await ring()).toBe(true);
    expect(await index.blob("app", loose, { hold: false })).not.toBeNull();
    expect(await alarmAt()).toBe(start + 48 * 60 * MINUTE);
    vi.setSystemTime(start + 48 * 60 * MINUTE);
    expect(await ring()).toBe(true);
    expect(await index.blob("app", loose, { hold: false })).toBeNull();
    expect(await index.manifest("app", "latest")).not.toBeNull();
    expect(await alarmAt()).toBeNull();
    expect(await ring()).toBe(false);
    vi.useRealTimers();
  });
});
