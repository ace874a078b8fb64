/** Uploads: writers that overtake one another, that ask twice, and that die. */
import { describe, it } from "vitest";
import { begin, blobIn, digestOfText, newAccount, putParts, storedOf } from "./registry-world.ts";

const ID = "upload-1";

describe("an upload", () => {
  it("grows by what is committed, and refuses a chunk that begins elsewhere", async ({ expect }) => {
    const { index } = newAccount();
    expect(await index.startUpload("app", ID)).toEqual({ id: ID, repository: "app", size: 0 });
    const first = await begin(index, "app", ID);
    const hash = { algorithm: "sha256", offset: 3, digest: null, state: "state" } as const;
    const written = { replaced: 0, segments: await putParts(first, ["one"]), hash };
    expect(await index.commitWrite(first.ticket, written)).toEqual({
      committed: true,
      upload: { id: ID, repository: "app", size: 3 },
    });
    expect(await index.beginWrite("app", ID, 0)).toEqual({ begun: false, reason: "out-of-order", size: 3 });
    expect(await index.beginWrite("app", ID, 4)).toEqual({ begun: false, reason: "out-of-order", size: 3 });
    const second = await index.beginWrite("app", ID, 3);
    expect(second).toMatchObject({ begun: true, write: { segments: written.segments, hash } });
    expect(await index.upload("app", ID)).toEqual({ id: ID, repository: "app", size: 3 });
    expect(await index.upload("other", ID)).toBeNull();
    expect(await index.beginWrite("other", ID, null)).toEqual({ begun: false, reason: "unknown" });
    // Once more: it is the same.
    expect(await index.startUpload("app", ID)).toEqual({ id: ID, repository: "app", size: 3 });
  });

  it("is written by the last who began", async ({ expect }) => {
    const { index } = newAccount();
    await index.startUpload("app", ID);
    const early = await begin(index, "app", ID);
    const late = await begin(index, "app", ID);
    expect(late.prefix).not.toBe(early.prefix);
    const lost = await putParts(early, ["lost"]);
    expect(await index.commitWrite(early.ticket, { replaced: 0, segments: lost, hash: null })).toEqual({
      committed: false,
    });
    const kept = await putParts(late, ["kept"]);
    expect(await index.commitWrite(late.ticket, { replaced: 0, segments: kept, hash: null })).toMatchObject({
      committed: true,
      upload: { size: 4 },
    });
    const digest = await digestOfText("kept");
    expect(await index.finishUpload("app", ID, early.ticket, digest)).toBeNull();
    expect(await blobIn(await index.finishUpload("app", ID, late.ticket, digest))).toBe("kept");
  });

  it("answers a commit and an end that are asked for twice the same", async ({ expect }) => {
    const { index } = newAccount();
    await index.startUpload("app", ID);
    const write = await begin(index, "app", ID);
    const written = { replaced: 0, segments: await putParts(write, ["a", "b"]), hash: null };
    const first = await index.commitWrite(write.ticket, written);
    expect(await index.commitWrite(write.ticket, written)).toEqual(first);
    expect(first).toMatchObject({ upload: { size: 2 } });
    const other = [{ key: `${write.prefix}9`, size: 1 }];
    expect(await index.commitWrite(write.ticket, { replaced: 0, segments: other, hash: null })).toEqual({
      committed: false,
    });
    const digest = await digestOfText("ab");
    const record = await index.finishUpload("app", ID, write.ticket, digest);
    expect(await index.finishUpload("app", ID, write.ticket, digest)).toEqual(record);
    expect(await index.finishUpload("app", ID, write.ticket, await digestOfText("c"))).toBeNull();
    expect(await index.finishUpload("other", ID, write.ticket, digest)).toBeNull();
  });

  it("replaces its short end by a segment that contains it, and lets go of the old one", async ({ expect }) => {
    const { index, accountId } = newAccount();
    await index.startUpload("app", ID);
    let text = "";
    for (let chunk = 0; chunk < 40; chunk += 1) {
      const write = await begin(index, "app", ID);
      text += String(chunk % 10);
      const segments = await putParts(write, [text]);
      await index.commitWrite(write.ticket, { replaced: write.segments.length, segments, hash: null });
      expect((await storedOf(accountId)).length).toBeLessThan(40);
    }
    const last = await begin(index, "app", ID);
    const record = await index.finishUpload("app", ID, last.ticket, await digestOfText(text));
    expect(record).toMatchObject({ size: 40 });
    expect(await blobIn(record)).toBe(text);
    await expect.poll(async () => await storedOf(accountId)).toEqual([record?.segments[0]?.key]);
  });

  it("is ended by the ticket of its last write, unless another began since", async ({ expect }) => {
    const { index } = newAccount();
    await index.startUpload("app", ID);
    const write = await begin(index, "app", ID);
    await index.commitWrite(write.ticket, { replaced: 0, segments: await putParts(write, ["a"]), hash: null });
    const end = await index.beginWrite("app", ID, null, true);
    expect(end).toMatchObject({ begun: true, write: { ticket: write.ticket, upload: { size: 1 } } });
    // One that is open is another's, who may still commit.
    const late = await begin(index, "app", ID);
    const other = await index.beginWrite("app", ID, null, true);
    expect(other.begun && other.write.ticket !== late.ticket && other.write.ticket !== write.ticket).toBe(true);
    expect(await index.finishUpload("app", ID, write.ticket, await digestOfText("a"))).toBeNull();
    const ticket = other.begun ? other.write.ticket : "";
    expect(await blobIn(await index.finishUpload("app", ID, ticket, await digestOfText("a")))).toBe("a");
  });

  it("without a byte becomes the empty blob", async ({ expect }) => {
    const { index } = newAccount();
    await index.startUpload("app", ID);
    const write = await begin(index, "app", ID);
    const digest = await digestOfText("");
    expect(await index.finishUpload("app", ID, write.ticket, digest)).toEqual({ digest, size: 0, segments: [] });
    expect(await index.blob("app", digest, { hold: false })).toEqual({ digest, size: 0, segments: [] });
  });

  it("that is cancelled leaves nothing that was committed, and refuses what comes late", async ({ expect }) => {
    const { index, accountId } = newAccount();
    await index.startUpload("app", ID);
    const write = await begin(index, "app", ID);
    await index.commitWrite(write.ticket, { replaced: 0, segments: await putParts(write, ["a", "b"]), hash: null });
    const late = await begin(index, "app", ID);
    expect(await index.cancelUpload("app", ID)).toBe(true);
    await expect.poll(async () => await storedOf(accountId)).toEqual([]);
    expect(await index.commitWrite(late.ticket, { replaced: 0, segments: [], hash: null })).toEqual({
      committed: false,
    });
    expect(await index.finishUpload("app", ID, late.ticket, await digestOfText("ab"))).toBeNull();
    expect(await index.upload("app", ID)).toBeNull();
  });

  it("takes no segment that another write has put", async ({ expect }) => {
    const { index } = newAccount();
    await index.startUpload("app", ID);
    const early = await begin(index, "app", ID);
    const segments = await putParts(early, ["x"]);
    const late = await begin(index, "app", ID);
    await expect(index.commitWrite(late.ticket, { replaced: 0, segments, hash: null })).rejects.toThrow("not its own");
    await expect(index.commitWrite(late.ticket, { replaced: 1, segments: [], hash: null })).rejects.toThrow(
      "not its own",
    );
    expect(await index.upload("app", ID)).toMatchObject({ size: 0 });
  });
});
