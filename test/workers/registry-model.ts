/** A registry as it would be without storage, crashes and bytes elsewhere: what the index must answer, in plain maps. */
import type { Digest } from "../../src/registry/oci/digest.ts";

export const HOLD_MS = 900_000;
export const DAY_MS = 24 * 60 * 60 * 1_000;

export interface ModelManifest {
  readonly text: string;
  readonly blobs: readonly Digest[];
  readonly manifests: readonly Digest[];
  readonly subject: Digest | null;
  pushedAt: number;
}

export interface ModelUpload {
  readonly repository: string;
  /** As segments have it. */
  parts: string[];
  ticket: string;
  isOpen: boolean;
  writtenAt: number;
}

export class ModelRegistry {
  now = 0;
  readonly uploads = new Map<string, ModelUpload>();
  /** By `<repository>@<digest>`: held until. */
  readonly links = new Map<string, number>();
  readonly manifests = new Map<string, ModelManifest>();
  readonly tags = new Map<string, Digest>();
  /** Which upload made the bytes that are stored. */
  readonly madeBy = new Map<Digest, string>();

  hold(repository: string, digest: Digest): boolean {
    const until = this.links.get(`${repository}@${digest}`);
    if (until === undefined) return false;
    if (until < this.now + HOLD_MS) this.links.set(`${repository}@${digest}`, this.now + 2 * HOLD_MS);
    return true;
  }

  link(repository: string, digest: Digest): void {
    if (!this.hold(repository, digest)) this.links.set(`${repository}@${digest}`, this.now + 2 * HOLD_MS);
  }

  begin(id: string, ticket: string): void {
    const upload = this.uploads.get(id);
    if (upload !== undefined) Object.assign(upload, { ticket, isOpen: true, writtenAt: this.now });
  }

  commit(id: string, ticket: string, replaced: number, text: string): boolean {
    const upload = this.uploads.get(id);
    if (upload?.ticket !== ticket || !upload.isOpen) return false;
    upload.parts = [...upload.parts.slice(0, upload.parts.length - replaced), text];
    upload.isOpen = false;
    upload.writtenAt = this.now;
    return true;
  }

  finish(repository: string, id: string, ticket: string, digest: Digest): boolean {
    const upload = this.uploads.get(id);
    if (upload === undefined) {
      return this.madeBy.get(digest) === id && this.links.has(`${repository}@${digest}`);
    }
    if (upload.ticket !== ticket) return false;
    this.uploads.delete(id);
    if (!this.hasBlob(digest)) this.madeBy.set(digest, id);
    this.link(repository, digest);
    return true;
  }

  mount(repository: string, digest: Digest, from: string | null): boolean {
    const isThere = from === null ? this.hasBlob(digest) : this.links.has(`${from}@${digest}`);
    if (!isThere && !this.links.has(`${repository}@${digest}`)) return false;
    this.link(repository, digest);
    return true;
  }

  unlink(repository: string, digest: Digest): "removed" | "unknown" | "in-use" {
    if (!this.links.has(`${repository}@${digest}`)) return "unknown";
    if (this.#isNamed(repository, digest)) return "in-use";
    this.#drop(`${repository}@${digest}`, digest);
    return "removed";
  }

  missing(repository: string, { blobs, manifests }: Pick<ModelManifest, "blobs" | "manifests">): Digest[] {
    return [
      ...blobs.filter((digest) => !this.links.has(`${repository}@${digest}`)),
      ...manifests.filter((digest) => !this.manifests.has(`${repository}@${digest}`)),
    ];
  }

  put(repository: string, digest: Digest, manifest: Omit<ModelManifest, "pushedAt">, tags: readonly string[]): boolean {
    const before = this.manifests.get(`${repository}@${digest}`);
    if (before === undefined) this.manifests.set(`${repository}@${digest}`, { ...manifest, pushedAt: this.now });
    else if (tags.length === 0 && before.pushedAt < this.now - HOLD_MS / 2) before.pushedAt = this.now;
    for (const tag of tags) this.tags.set(`${repository}@${tag}`, digest);
    return before !== undefined;
  }

  deleteManifest(repository: string, digest: Digest): boolean {
    if (!this.manifests.delete(`${repository}@${digest}`)) return false;
    for (const [tag, target] of this.tags) {
      if (tag.startsWith(`${repository}@`) && target === digest) this.tags.delete(tag);
    }
    return true;
  }

  /** Nothing that is there leads to it, and it is not new. */
  removeUntagged(repository: string, digest: Digest): boolean {
    const manifest = this.manifests.get(`${repository}@${digest}`);
    if (manifest === undefined || manifest.pushedAt + HOLD_MS > this.now || this.#isNamed(repository, digest))
      return false;
    if (manifest.subject !== null && this.manifests.has(`${repository}@${manifest.subject}`)) return false;
    const isTagged = [...this.tags].some(([tag, target]) => tag.startsWith(`${repository}@`) && target === digest);
    return !isTagged && this.deleteManifest(repository, digest);
  }

  collect(): void {
    for (const [key, until] of this.links) {
      const [repository = "", digest = ""] = key.split("@");
      if (until <= this.now && !this.#isNamed(repository, digest)) this.#drop(key, digest as Digest);
    }
    for (const [id, upload] of this.uploads) {
      if (upload.writtenAt + DAY_MS <= this.now) this.uploads.delete(id);
    }
  }

  hasBlob(digest: Digest): boolean {
    return [...this.links.keys()].some((key) => key.endsWith(`@${digest}`));
  }

  #isNamed(repository: string, digest: string): boolean {
    return [...this.manifests].some(
      ([key, { blobs, manifests }]) =>
        key.startsWith(`${repository}@`) && [...blobs, ...manifests].includes(digest as Digest),
    );
  }

  #drop(key: string, digest: Digest): void {
    this.links.delete(key);
    if (!this.hasBlob(digest)) this.madeBy.delete(digest);
  }
}
