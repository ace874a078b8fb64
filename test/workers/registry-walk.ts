/** Takes steps in one account and in a model of it, and says where they differ. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi, type ExpectStatic } from "vitest";
import type { WriteTicket } from "../../src/registry/store/contract.ts";
import type { Registry } from "../../src/registry/store/registry.ts";
import type { Digest } from "../../src/registry/oci/digest.ts";
import { registryStub } from "../../src/stubs.ts";
import { DAY_MS, ModelRegistry } from "./registry-model.ts";
import type { Step } from "./registry-steps.ts";
import { begin, blobIn, digestOfText, draftOf, newAccount, putParts, storedOf } from "./registry-world.ts";

type StepOf<K extends Step["do"]> = Extract<Step, { do: K }>;

interface Writer {
  readonly id: string;
  readonly repository: string;
  readonly write: WriteTicket;
  /** Each ticket is for one write. */
  hasWritten: boolean;
  readonly begunAt: number;
}

/** One account, the model of it, and what is known of both. */
export class World {
  readonly account = newAccount();
  readonly model = new ModelRegistry();
  readonly #expect: ExpectStatic;
  readonly #uploads: { readonly id: string; readonly repository: string }[] = [];
  readonly #writers: Writer[] = [];
  /** What any digest is the digest of. */
  readonly #texts = new Map<Digest, string>();
  readonly #pushed: { readonly repository: string; readonly digest: Digest }[] = [];

  constructor(expect: ExpectStatic) {
    this.#expect = expect;
    this.model.now = Date.now();
    vi.setSystemTime(this.model.now);
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#take(one);
      await this.check();
    }
  }

  /** Every accepted image is whole, and everything that is held is there. */
  async check(): Promise<void> {
    const { index } = this.account;
    for (const [key, manifest] of this.model.manifests) {
      const [name, digest] = placeOf(key);
      const stored = await index.manifest(name, digest);
      this.#expect(new TextDecoder().decode(stored?.bytes), key).toBe(manifest.text);
    }
    for (const key of this.model.links.keys()) {
      const [name, digest] = placeOf(key);
      this.#expect(await blobIn(await index.blob(name, digest, { hold: false })), key).toBe(this.#texts.get(digest));
    }
    for (const [key, digest] of this.model.tags) {
      const [name = "", tag = ""] = key.split("@");
      this.#expect((await index.manifest(name, tag))?.digest, key).toBe(digest);
    }
  }

  /** Deletes every image and lets time pass. What is left: keys in R2, tables that have rows, the alarm. */
  async leftovers(): Promise<{ stored: string[]; tables: string[]; alarm: number | null }> {
    for (const key of this.model.manifests.keys()) await this.account.index.deleteManifest(...placeOf(key));
    for (let days = 0; days < 3; days += 1) {
      this.#wait(DAY_MS);
      await this.#ring();
    }
    const stored = await storedOf(this.account.accountId);
    return await runInDurableObject(this.#stub, async (_: Registry, { storage }) => {
      const names = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
      const tables = names
        .map(({ name }) => name)
        .filter((name) => name !== "migrations" && !name.startsWith("_"))
        .filter((name) => storage.sql.exec(`SELECT * FROM ${name}`).toArray().length > 0);
      return { stored, tables, alarm: await storage.getAlarm() };
    });
  }

  async #take(one: Step): Promise<void> {
    const { index } = this.account;
    const { model } = this;
    switch (one.do) {
      case "start": {
        const id = crypto.randomUUID();
        await index.startUpload(one.repository, id);
        const fresh = { repository: one.repository, parts: [], ticket: "", isOpen: false, writtenAt: model.now };
        model.uploads.set(id, fresh);
        this.#uploads.push({ id, repository: one.repository });
        return;
      }
      case "begin": {
        const upload = pick(this.#uploads, one.place);
        if (upload === undefined) return;
        const begun = await index.beginWrite(upload.repository, upload.id, null);
        this.#expect(begun.begun).toBe(model.uploads.has(upload.id));
        if (!begun.begun) return;
        model.begin(upload.id, begun.write.ticket);
        this.#writers.push({ ...upload, write: begun.write, hasWritten: false, begunAt: model.now });
        return;
      }
      case "write":
        await this.#write(one);
        return;
      case "finish": {
        const writer = pick(this.#writers, one.place);
        if (writer === undefined) return;
        const { id, write } = writer;
        writer.hasWritten = true;
        const digest = await this.#digest((model.uploads.get(id)?.parts ?? ["x"]).join(""));
        const record = await index.finishUpload(writer.repository, id, write.ticket, digest);
        this.#expect(record !== null).toBe(model.finish(writer.repository, id, write.ticket, digest));
        return;
      }
      case "blob": {
        const id = crypto.randomUUID();
        const write = await this.#begin(one.repository, id);
        const segments = await putParts(write, [one.chunk]);
        await index.commitWrite(write.ticket, { replaced: 0, segments, hash: null });
        model.commit(id, write.ticket, 0, one.chunk);
        const digest = await this.#digest(one.chunk);
        this.#expect(await index.finishUpload(one.repository, id, write.ticket, digest)).toMatchObject({ digest });
        model.finish(one.repository, id, write.ticket, digest);
        return;
      }
      case "cancel": {
        const upload = pick(this.#uploads, one.place);
        if (upload === undefined) return;
        const isThere = model.uploads.delete(upload.id);
        this.#expect(await index.cancelUpload(upload.repository, upload.id)).toBe(isThere);
        return;
      }
      case "mount": {
        const digest = pick([...this.#texts.keys()], one.place);
        if (digest === undefined) return;
        const mounted = await index.mount(one.repository, digest, { repository: one.from, readable: "all" });
        this.#expect(mounted !== null).toBe(model.mount(one.repository, digest, one.from));
        return;
      }
      case "head": {
        const digest = pick([...this.#texts.keys()], one.place);
        if (digest === undefined) return;
        const record = await index.blob(one.repository, digest, { hold: true });
        this.#expect(record !== null).toBe(model.hold(one.repository, digest));
        return;
      }
      case "unlink": {
        const digest = pick([...this.#texts.keys()], one.place);
        if (digest === undefined) return;
        this.#expect(await index.unlinkBlob(one.repository, digest)).toBe(model.unlink(one.repository, digest));
        return;
      }
      case "put":
        await this.#put(one);
        return;
      case "delete": {
        const manifest = pick(this.#pushed, one.place);
        if (manifest === undefined) return;
        const { repository: name, digest } = manifest;
        this.#expect(await index.deleteManifest(name, digest)).toBe(model.deleteManifest(name, digest));
        return;
      }
      case "untag": {
        const isThere = model.tags.delete(`${one.repository}@${one.tag}`);
        this.#expect(await index.deleteTag(one.repository, one.tag)).toBe(isThere);
        return;
      }
      case "removeUntagged": {
        const manifest = pick(this.#pushed, one.place);
        if (manifest === undefined) return;
        const { repository: name, digest } = manifest;
        this.#expect(await index.removeUntagged(name, digest)).toBe(model.removeUntagged(name, digest));
        return;
      }
      case "collect":
        await this.#collect(one);
        return;
      case "wait":
        this.#wait(one.minutes * 60_000);
        return;
      case "die":
        await this.#die();
    }
  }

  /** A writer that dies puts its segment and never says so, or says so and does not hear the answer. */
  async #write(one: StepOf<"write">): Promise<void> {
    const { chunk, replaces, dies } = one;
    const writer = pick(this.#writers, one.place);
    if (writer === undefined || writer.hasWritten) return;
    // No request lives for a day: the last look of a sweep counts on it.
    if (writer.begunAt + DAY_MS <= this.model.now) return;
    const { id, write } = writer;
    writer.hasWritten = true;
    const replaced = replaces && write.segments.length > 0 ? 1 : 0;
    const old = replaced === 0 ? "" : (this.model.uploads.get(id)?.parts.at(-1) ?? "");
    const segments = await putParts(write, [old + chunk]);
    if (dies === "before") {
      this.#writers.splice(this.#writers.indexOf(writer), 1);
      return;
    }
    const committed = await this.account.index.commitWrite(write.ticket, { replaced, segments, hash: null });
    this.#expect(committed.committed).toBe(this.model.commit(id, write.ticket, replaced, old + chunk));
    if (dies === "after") await this.#die();
  }

  async #put(one: StepOf<"put">): Promise<void> {
    const { blobs, manifests, subject, tags, repository: name } = one;
    const digests = [...this.#texts.keys()];
    const there = this.#pushed.filter((pushed) => pushed.repository === name).map(({ digest }) => digest); // prettier-ignore
    const draft = await draftOf(name, {
      blobs: picks(digests, blobs),
      manifests: picks(there, manifests),
      subject: subject === null ? null : (pick(there, subject) ?? null),
      tags,
    });
    const put = await this.account.index.putManifest(draft);
    const missing = this.model.missing(name, draft);
    if (missing.length > 0) {
      this.#expect(put).toEqual({ stored: false, missing });
      return;
    }
    const { digest, subject: about } = draft;
    const text = new TextDecoder().decode(draft.bytes);
    const manifest = { text, blobs: draft.blobs, manifests: draft.manifests, subject: about };
    this.#expect(put).toEqual({ stored: true, wasThere: this.model.put(name, digest, manifest, tags) });
    this.#pushed.push({ repository: name, digest });
  }

  /** A collection that is cut off has done what it has done; the next one does the rest. */
  async #collect({ by, dies }: StepOf<"collect">): Promise<void> {
    const collect = async (): Promise<unknown> =>
      by === "alarm" ? await this.#ring() : await this.account.index.collectGarbage({ isDryRun: false });
    if (dies !== null) {
      const cut = collect().catch(() => null);
      for (let turn = 0; turn < dies; turn += 1) await this.account.index.isPublic("a").catch(() => false);
      await this.#die();
      await cut;
    }
    const { uploads, bytes, blobs } = await this.account.index.collectGarbage({ isDryRun: true });
    const report = await this.account.index.collectGarbage({ isDryRun: false });
    this.#expect(report).toMatchObject({ uploads, bytes, blobs });
    this.model.collect();
  }

  async #begin(name: string, id: string): Promise<WriteTicket> {
    await this.account.index.startUpload(name, id);
    const write = await begin(this.account.index, name, id);
    this.model.uploads.set(id, {
      repository: name,
      parts: [],
      ticket: write.ticket,
      isOpen: true,
      writtenAt: this.model.now,
    });
    return write;
  }

  async #digest(text: string): Promise<Digest> {
    const digest = await digestOfText(text);
    this.#texts.set(digest, text);
    return digest;
  }

  async #ring(): Promise<void> {
    await runDurableObjectAlarm(this.#stub).catch(() => false);
  }

  async #die(): Promise<void> {
    await runInDurableObject(this.#stub, (_: Registry, state) => state.abort("died in a test")).catch(() => undefined);
  }

  #wait(ms: number): void {
    this.model.now += ms;
    vi.setSystemTime(this.model.now);
  }

  get #stub() {
    return registryStub(env, this.account.accountId);
  }
}

function placeOf(key: string): [string, Digest] {
  const at = key.indexOf("@");
  return [key.slice(0, at), key.slice(at + 1) as Digest];
}

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items[items.length === 0 ? 0 : at % items.length];
}

function picks<T>(items: readonly T[], at: readonly number[]): T[] {
  return [...new Set(at.flatMap((one) => pick(items, one) ?? []))];
}
