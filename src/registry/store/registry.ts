/**
 * The Registry object: the lock and the index of one account's image repositories. A shell: each method is one turn that
 * forwards to a function of this folder, and none but garbage collection touches R2.
 */
import { DurableObject } from "cloudflare:workers";
import { Database } from "../../database.ts";
import { describeError, GantryError } from "../../errors.ts";
import { migrate } from "../../migrations.ts";
import { Timers } from "../../timers.ts";
import { collect, type CollectorDeps } from "../gc/collect.ts";
import { COLLECT_EVERY_MS } from "../gc/decide.ts";
import { deleteDoomed, hasDoomed } from "../gc/doomed.ts";
import type { Digest } from "../oci/digest.ts";
import { findBlob, loseBlob, mountBlob, unlinkBlob, type MountSource } from "./blobs.ts";
import type {
  BeginWriteResult,
  BlobRecord,
  CommitWriteResult,
  GarbageReport,
  GarbageRequest,
  ManifestDraft,
  Page,
  PutManifestResult,
  ReferrerDescriptor,
  RegistryIndex,
  RepositoryView,
  StoredManifest,
  TagView,
  Turns,
  UntaggedManifest,
  UploadView,
} from "./contract.ts";
import { eraseAll, isErased } from "./erase.ts";
import { deleteManifest, findManifest, leadingTo, putManifest } from "./manifests.ts";
import { REGISTRY_MIGRATIONS } from "./migrations.ts";
import type { PageRequest } from "./pages.ts";
import { listReferrers } from "./referrers.ts";
import { findRepository, isPublic, listRepositories, setPublic } from "./repositories.ts";
import { holdMsOf, type Shelf } from "./shelf.ts";
import { tagChecked, tagCheckedAt } from "./tag-checks.ts";
import { deleteTag, listTags, listTagViews } from "./tags.ts";
import { listUntagged, removeUntagged } from "./untagged.ts";
import {
  beginWrite,
  cancelUpload,
  commitWrite,
  findUpload,
  finishUpload,
  startUpload,
  type Written,
} from "./uploads.ts";

const COLLECT_TIMER = "collect";

export class Registry extends DurableObject<Env> implements Turns<RegistryIndex> {
  readonly #db: Database;
  readonly #shelf: Shelf;
  readonly #timers: Timers;
  #isErased: boolean;
  /** Under way, if it is. */
  #deletion: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, REGISTRY_MIGRATIONS);
    this.#isErased = isErased(this.#db);
    this.#timers = new Timers(this.#db, ctx.storage);
    this.#shelf = { db: this.#db, accountId: ctx.id.name ?? "", holdMs: holdMsOf(env.REGISTRY_HOLD_SECONDS) };
  }

  blob(repository: string, digest: Digest, options: { readonly hold: boolean }): BlobRecord | null {
    return findBlob(this.#shelf, repository, digest, options.hold, Date.now());
  }

  mount(repository: string, digest: Digest, from: MountSource): BlobRecord | null {
    return this.#leave((now) => mountBlob(this.#shelf, repository, digest, from, now));
  }

  unlinkBlob(repository: string, digest: Digest): "removed" | "unknown" | "in-use" {
    return this.#leave(() => unlinkBlob(this.#shelf, repository, digest));
  }

  loseBlob(digest: Digest, key: string): void {
    if (!this.#isErased) this.#write(() => loseBlob(this.#shelf, digest, key));
  }

  startUpload(repository: string, id: string): UploadView {
    return this.#leave((now) => startUpload(this.#shelf, repository, id, now));
  }

  upload(repository: string, id: string): UploadView | null {
    return findUpload(this.#db, repository, id);
  }

  cancelUpload(repository: string, id: string): boolean {
    return this.#leave((now) => cancelUpload(this.#shelf, repository, id, now));
  }

  beginWrite(repository: string, id: string, at: number | null, isEmpty = false): BeginWriteResult {
    return beginWrite(this.#shelf, repository, id, { at, isEmpty }, Date.now());
  }

  commitWrite(ticket: string, written: Written): CommitWriteResult {
    return this.#write((now) => commitWrite(this.#shelf, ticket, written, now));
  }

  finishUpload(repository: string, id: string, ticket: string, digest: Digest): BlobRecord | null {
    return this.#write((now) => finishUpload(this.#shelf, repository, id, ticket, digest, now));
  }

  manifest(repository: string, reference: string): StoredManifest | null {
    return findManifest(this.#db, repository, reference);
  }

  putManifest(draft: ManifestDraft): PutManifestResult {
    return this.#write((now) => putManifest(this.#shelf, draft, now));
  }

  leading(repository: string, digest: Digest): Digest[] {
    return leadingTo(this.#db, repository, digest);
  }

  deleteManifest(repository: string, digest: Digest): boolean {
    return this.#leave(() => deleteManifest(this.#db, repository, digest));
  }

  deleteTag(repository: string, tag: string): boolean {
    return deleteTag(this.#db, repository, tag);
  }

  tagCheckedAt(repository: string, tag: string): number | null {
    return tagCheckedAt(this.#db, repository, tag);
  }

  tagChecked(repository: string, tag: string): void {
    tagChecked(this.#db, repository, tag, Date.now());
  }

  tags(repository: string, page: PageRequest): Page<string> | null {
    return listTags(this.#db, repository, page);
  }

  referrers(
    repository: string,
    subject: Digest,
    page: PageRequest & { readonly artifactType: string | null },
  ): Page<ReferrerDescriptor> {
    return listReferrers(this.#db, repository, subject, page);
  }

  repositories(page: PageRequest): Page<RepositoryView> {
    return listRepositories(this.#db, page);
  }

  repository(name: string): RepositoryView | null {
    return findRepository(this.#db, name);
  }

  isPublic(name: string): boolean {
    return isPublic(this.#db, name);
  }

  tagViews(repository: string, page: PageRequest): Page<TagView> {
    return listTagViews(this.#db, repository, page);
  }

  setPublic(name: string, wanted: boolean): RepositoryView {
    return this.#write((now) => setPublic(this.#db, name, wanted, now));
  }

  untagged(repository: string | null, page: PageRequest): Page<UntaggedManifest> {
    return listUntagged(this.#shelf, repository, page, Date.now());
  }

  removeUntagged(repository: string, digest: Digest): boolean {
    return this.#leave((now) => removeUntagged(this.#shelf, repository, digest, now));
  }

  /** The account is deleted. */
  erase(): void {
    if (this.#isErased) return;
    this.#leave((now) => eraseAll(this.#shelf, now));
    this.#isErased = true;
  }

  async collectGarbage(request: GarbageRequest): Promise<GarbageReport> {
    const { report } = await collect(this.#collector, request);
    return report;
  }

  override async alarm(): Promise<void> {
    await this.#timers.fire(Date.now(), async () => {
      const { isWaiting } = await collect(this.#collector, { isDryRun: false });
      if (isWaiting) this.#timers.set(COLLECT_TIMER, Date.now() + COLLECT_EVERY_MS);
    });
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#db.rowsWritten, alarmsSet: this.#timers.alarmsSet };
  }

  get #collector(): CollectorDeps {
    return {
      shelf: this.#shelf,
      bucket: this.env.REGISTRY_BLOBS,
      deleteDoomed: async () => await this.#deleteDoomed(),
    };
  }

  /** As `#write`, of what may leave garbage: it is looked for within a day. */
  #leave<T>(work: (now: number) => T): T {
    return this.#write((now) => {
      const before = this.#db.rowsWritten;
      const result = work(now);
      if (this.#db.rowsWritten > before) this.#timers.setBy(COLLECT_TIMER, now + COLLECT_EVERY_MS, now);
      return result;
    });
  }

  #write<T>(work: (now: number) => T): T {
    if (this.#isErased) throw new GantryError("ACCOUNT_NOT_FOUND", "The account of these images is deleted");
    const result = this.#db.transaction(() => work(Date.now()));
    if (hasDoomed(this.#db)) this.ctx.waitUntil(this.#deleteDoomedSoon());
    return result;
  }

  /** What fails is left to the next collection, which is set: whatever dooms has left something. */
  async #deleteDoomedSoon(): Promise<void> {
    try {
      await this.#deleteDoomed();
    } catch (error) {
      console.warn({ message: "registry.delete.failed", error: describeError(error) });
    }
  }

  #deleteDoomed(): Promise<void> {
    this.#deletion ??= deleteDoomed(this.#db, this.env.REGISTRY_BLOBS).finally(() => (this.#deletion = null));
    return this.#deletion;
  }
}
