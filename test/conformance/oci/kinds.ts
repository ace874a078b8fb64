/** Every kind of content, pushed, listed, pulled, referred to and deleted. */
import { beforeAll, describe, it } from "vitest";
import { type Algorithm, Content, digestOf, INDEX, KINDS, type Manifest, type Referrer } from "./content.ts";
import { locationOf, type Repository, type Target } from "./target.ts";

type Referrers = readonly (readonly [string, readonly Referrer[]])[];

/** Only by digest: a tag is set by the canonical algorithm. */
const SHA512 = "sha512";

export function kinds(target: () => Target): void {
  describe.each([...Object.keys(KINDS), SHA512])("%s", (kind) => {
    const algorithm: Algorithm = kind === SHA512 ? "sha512" : "sha256";
    const content = new Content(algorithm);
    (KINDS[kind === SHA512 ? "index" : kind] ?? (() => undefined))(content);
    const tags = kind === SHA512 ? [] : [...content.tags];
    // Most kinds have none, and what is listed for them is nothing.
    const none: Referrers = content.manifests.map(({ digest }) => [digest, []]);
    const referrers: Referrers = content.referrers.size > 0 ? [...content.referrers] : none;
    let here: Repository;
    beforeAll(() => {
      here = target().repository(kind);
    });

    it("push: blobs, then manifests by digest and by tag, each found where the answer says", async ({ expect }) => {
      for (const [digest, bytes] of content.blobs) locationOf(await here.push(digest, bytes), 201);
      for (const manifest of content.manifests) {
        const references = [manifest.digest, ...tags.filter(([, of]) => of === manifest.digest).map(([tag]) => tag)];
        for (const reference of references) {
          const answer = await put(here, reference, manifest);
          const at = await target().ask("GET", locationOf(answer, 201), { headers: { accept: manifest.mediaType } });
          expect(at.body.equals(manifest.bytes)).toBe(true);
          expect(answer.headers["docker-content-digest"]).toBe(
            reference === manifest.digest ? manifest.digest : digestOf(manifest.bytes),
          );
          expect(answer.headers["oci-subject"]).toBe(JSON.parse(manifest.bytes.toString()).subject?.digest);
        }
      }
    });

    it("tag-list: has its tags, in order, and goes on after `last`", async ({ expect }) => {
      const names = tags.map(([tag]) => tag).toSorted();
      const list = await here.ask("GET", "tags/list");
      if (names.length === 0) {
        expect([200, 404]).toContain(list.status);
        return;
      }
      expect(list.headers["content-type"]).toMatch(/^application\/json\b/);
      expect(JSON.parse(list.body.toString())).toEqual({ name: here.name, tags: names });
      const after = await here.ask("GET", `tags/list?last=${names[0]}`);
      expect(JSON.parse(after.body.toString()).tags).toEqual(names.slice(1));
    });

    it("head and pull: every manifest and blob has its length, its type and its bytes", async ({ expect }) => {
      const byDigest = content.manifests.map((manifest) => [manifest.digest, manifest] as const);
      const byTag = tags.map(([tag, of]) => [tag, content.manifests.find(({ digest }) => digest === of)] as const);
      for (const [reference, manifest] of [...byDigest, ...byTag]) {
        const head = await here.manifest("HEAD", reference);
        const wanted = {
          "content-type": manifest?.mediaType,
          "content-length": String(manifest?.bytes.byteLength),
          "docker-content-digest": manifest?.digest,
        };
        expect(head).toMatchObject({ status: 200, headers: wanted, body: Buffer.alloc(0) });
        const got = await here.manifest("GET", reference);
        expect(got).toMatchObject({ status: 200, headers: wanted });
        expect(manifest?.bytes.equals(got.body)).toBe(true);
      }
      for (const [digest, bytes] of content.blobs) {
        expect((await here.blob("HEAD", digest)).headers["content-length"]).toBe(String(bytes.byteLength));
        expect((await here.blob("GET", digest)).body.equals(bytes)).toBe(true);
      }
    });

    it("referrers: lists them, all and by type of artifact", async ({ expect }) => {
      for (const [subject, expected] of referrers) {
        const all = await here.ask("GET", `referrers/${subject}`);
        expect(all).toMatchObject({ status: 200, headers: { "content-type": INDEX } });
        expect(JSON.parse(all.body.toString())).toMatchObject({ schemaVersion: 2, mediaType: INDEX });
        expect(listed(all.body)).toEqual(sorted(expected));
        for (const type of new Set(expected.map(({ artifactType }) => artifactType ?? ""))) {
          const some = await here.ask("GET", `referrers/${subject}?artifactType=${encodeURIComponent(type)}`);
          expect(some.headers["oci-filters-applied"]).toBe("artifactType");
          expect(listed(some.body)).toEqual(sorted(expected.filter(({ artifactType }) => artifactType === type)));
        }
      }
    });

    it("delete: tags, manifests and blobs are gone at once", async ({ expect }) => {
      for (const [tag, digest] of tags) {
        expect((await here.manifest("DELETE", tag)).status).toBe(202);
        expect((await here.manifest("HEAD", tag)).status).toBe(404);
        expect((await here.manifest("HEAD", digest)).status).toBe(200);
      }
      for (const { digest } of content.manifests.toReversed()) {
        expect((await here.manifest("DELETE", digest)).status).toBe(202);
        expect((await here.manifest("HEAD", digest)).status).toBe(404);
      }
      for (const digest of content.blobs.keys()) {
        expect((await here.blob("DELETE", digest)).status).toBe(202);
        expect((await here.blob("HEAD", digest)).status).toBe(404);
      }
      for (const subject of content.referrers.keys())
        expect(listed((await here.ask("GET", `referrers/${subject}`)).body)).toEqual([]);
    });
  });
}

export async function put(here: Repository, reference: string, { mediaType, bytes }: Manifest) {
  return await here.manifest("PUT", reference, { headers: { "content-type": mediaType }, body: bytes });
}

function listed(body: Buffer) {
  return sorted(JSON.parse(body.toString()).manifests);
}

/** What is not said is not said: no empty annotations, no type that nobody gave. */
function sorted<T extends { readonly digest: string }>(entries: readonly T[]): T[] {
  return entries.toSorted((one, other) => (one.digest < other.digest ? -1 : 1));
}
