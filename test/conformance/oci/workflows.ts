/** The workflows of the specification's version 1.1: pull, push, discovery and management, case by case. */
import { randomBytes } from "node:crypto";
import { beforeAll, describe, it } from "vitest";
import { Content, digestOf, EXAMPLE_1, INDEX, type Manifest } from "./content.ts";
import { put } from "./kinds.ts";
import { locationOf, type Repository, type Target, withQuery } from "./target.ts";

interface World {
  readonly here: Repository;
  readonly images: readonly Manifest[];
  readonly blob: { readonly digest: string; readonly bytes: Buffer };
}

const TAGS = ["test0", "test1", "test2", "test3"];

async function worldOf(target: Target, name: string): Promise<World> {
  const here = target.repository(name);
  const content = new Content();
  for (const _ of TAGS) content.manifest();
  for (const [digest, bytes] of content.blobs) locationOf(await here.push(digest, bytes), 201);
  for (const [index, manifest] of content.manifests.entries())
    locationOf(await put(here, TAGS[index] ?? "", manifest), 201);
  const [[digest, bytes] = ["", Buffer.alloc(0)]] = content.blobs;
  return { here, images: content.manifests, blob: { digest, bytes } };
}

const tagsOf = async (here: Repository, query = "") => {
  const answer = await here.ask("GET", `tags/list${query}`);
  return { answer, tags: JSON.parse(answer.body.toString()).tags };
};

export function workflows(target: () => Target): void {
  describe("ping and an empty repository", () => {
    it("ping: is 200", async ({ expect }) => {
      expect((await target().ask("GET", "/v2/")).status).toBe(200);
    });

    it("a repository that is not there has no tags and no referrers", async ({ expect }) => {
      const here = target().repository("empty");
      expect([200, 404]).toContain((await here.ask("GET", "tags/list")).status);
      const referrers = await here.ask("GET", `referrers/${digestOf(randomBytes(8))}`);
      expect(referrers).toMatchObject({ status: 200, headers: { "content-type": INDEX } });
      expect(JSON.parse(referrers.body.toString())).toEqual({ schemaVersion: 2, mediaType: INDEX, manifests: [] });
    });
  });

  describe("01_pull", () => {
    let world: World;
    beforeAll(async () => {
      world = await worldOf(target(), "pull");
    });

    it.for([
      ["HEAD", "blobs", 404],
      ["GET", "blobs", 404],
      ["HEAD", "manifests", 404],
      ["GET", "manifests", 404],
    ] as const)("%s request to nonexistent %s is %i", async ([method, of, status], { expect }) => {
      const answer = await world.here.ask(method, `${of}/${digestOf(randomBytes(8))}`);
      expect(answer.status).toBe(status);
    });

    it.for(["HEAD", "GET"])("%s request to an existing blob is 200", async (method, { expect }) => {
      const { digest, bytes } = world.blob;
      const answer = await world.here.blob(method, digest);
      expect(answer.status).toBe(200);
      expect(answer.headers["content-length"]).toBe(String(bytes.byteLength));
    });

    it("HEAD and GET requests to manifests by digest and by tag are 200", async ({ expect }) => {
      for (const [index, { digest, bytes, mediaType }] of world.images.entries())
        for (const reference of [digest, TAGS[index] ?? ""])
          for (const method of ["HEAD", "GET"]) {
            const answer = await world.here.manifest(method, reference);
            const headers = { "docker-content-digest": digest, "content-type": mediaType };
            expect(answer).toMatchObject({ status: 200, headers });
            expect(answer.headers["content-length"]).toBe(String(bytes.byteLength));
          }
    });

    it("what was pulled before is 304", async ({ expect }) => {
      for (const path of [`blobs/${world.blob.digest}`, `manifests/${world.images[0]?.digest}`]) {
        const { etag = "" } = (await world.here.ask("GET", path)).headers;
        expect(etag).not.toBe("");
        const again = await world.here.ask("GET", path, { headers: { "if-none-match": etag } });
        expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) });
      }
    });

    it("400 response body contains an OCI-conforming JSON message", async ({ expect }) => {
      const answer = await put(world.here, "broken", { digest: "", mediaType: INDEX, bytes: Buffer.from("blablabla") });
      expect(answer.status).toBe(400);
      const { errors } = JSON.parse(answer.body.toString());
      expect(errors).toEqual([
        expect.objectContaining({ code: expect.stringMatching(/^[A-Z_]+$/), message: expect.stringMatching(/./) }),
      ]);
    });
  });

  describe("02_push", () => {
    it("a chunk again is 416, and the upload goes on where it says that it ends", async ({ expect }) => {
      const here = target().repository("chunks");
      const [first, second] = [randomBytes(700), randomBytes(400)];
      const patch = (location: string, from: number, body: Buffer) =>
        target().ask("PATCH", location, {
          headers: { "content-range": `${from}-${from + body.byteLength - 1}` },
          body,
        });
      const location = await here.startUpload();
      const early = await patch(location, first.byteLength, second);
      expect(early.status).toBe(416);
      const next = locationOf(await patch(location, 0, first), 202);
      expect((await patch(next, 0, first)).status).toBe(416);
      const stale = await target().ask("GET", next);
      expect(stale).toMatchObject({ status: 204, headers: { range: `0-${first.byteLength - 1}` } });
      const last = locationOf(await patch(locationOf(stale, 204), first.byteLength, second), 202);
      const bytes = Buffer.concat([first, second]);
      expect((await here.close(last, digestOf(bytes))).status).toBe(201);
      expect((await here.blob("GET", digestOf(bytes))).body.equals(bytes)).toBe(true);
    });

    it("cross-mounting without `from` of a blob that nobody has is an upload", async ({ expect }) => {
      const here = target().repository("mount");
      const answer = await here.ask("POST", withQuery("blobs/uploads/", { mount: digestOf(randomBytes(8)) }));
      expect(answer.status).toBe(202);
    });

    it("an upload of an unknown id is 404", async ({ expect }) => {
      const here = target().repository("unknown");
      const location = await here.startUpload();
      const [path = ""] = location.split("?");
      const other = path.replace(/[^/]+$/, "00000000-0000-4000-8000-000000000000");
      for (const method of ["GET", "PATCH", "DELETE"])
        expect((await target().ask(method, other, method === "PATCH" ? { body: Buffer.from("x") } : {})).status).toBe(
          404,
        );
    });
  });

  describe("03_discovery", () => {
    let world: World;
    beforeAll(async () => {
      world = await worldOf(target(), "discovery");
    });

    it("tags: all, a page of `n`, and what comes after `last`", async ({ expect }) => {
      const { here } = world;
      expect((await tagsOf(here)).tags).toEqual(TAGS);
      const page = await tagsOf(here, "?n=3");
      expect(page.tags).toEqual(TAGS.slice(0, 3));
      const [, next = ""] = /^<([^>]+)>; ?rel="next"$/.exec(page.answer.headers["link"] ?? "") ?? [];
      const rest = await target().ask("GET", next);
      expect(JSON.parse(rest.body.toString()).tags).toEqual(TAGS.slice(3));
      expect(rest.headers["link"]).toBeUndefined();
      expect((await tagsOf(here, "?n=1&last=test1")).tags).toEqual(["test2"]);
    });

    it("referrers: of an image, by type, and none of what is not there", async ({ expect }) => {
      const { here, images } = world;
      const [image] = images;
      const subject = {
        mediaType: image?.mediaType ?? "",
        digest: image?.digest ?? "",
        size: image?.bytes.byteLength ?? 0,
      };
      const content = new Content();
      const artifact = content.artifact(EXAMPLE_1, undefined, { subject });
      for (const [digest, bytes] of content.blobs) locationOf(await here.push(digest, bytes), 201);
      for (const manifest of content.manifests) locationOf(await put(here, manifest.digest, manifest), 201);
      const found = async (path: string) =>
        JSON.parse((await here.ask("GET", `referrers/${path}`)).body.toString()).manifests.map(
          ({ digest }: { digest: string }) => digest,
        );
      expect(await found(subject.digest)).toEqual([artifact.digest]);
      expect(await found(`${subject.digest}?artifactType=${EXAMPLE_1}`)).toEqual([artifact.digest]);
      expect(await found(`${subject.digest}?artifactType=application%2Fvnd.other`)).toEqual([]);
      expect(await found(digestOf(randomBytes(8)))).toEqual([]);
    });

    it("catalog: has the repository, in pages", async ({ expect }) => {
      const names: string[] = [];
      let path: string | undefined = "/v2/_catalog?n=5";
      while (path !== undefined) {
        const answer = await target().ask("GET", path);
        expect(answer.status).toBe(200);
        const { repositories } = JSON.parse(answer.body.toString());
        expect(repositories.length).toBeLessThanOrEqual(5);
        names.push(...repositories);
        path = /^<([^>]+)>/.exec(answer.headers["link"] ?? "")?.[1];
      }
      expect(names.map((name) => name.replace(target().prefix, ""))).toContain(
        world.here.name.replace(target().prefix, ""),
      );
      expect(new Set(names).size).toBe(names.length);
    });
  });

  describe("04_management", () => {
    it("a tag that is deleted leaves its image, and an image takes its tags along", async ({ expect }) => {
      const { here, images } = await worldOf(target(), "management");
      expect((await tagsOf(here)).tags).toHaveLength(TAGS.length);
      expect((await here.manifest("DELETE", "test0")).status).toBe(202);
      expect((await here.manifest("GET", images[0]?.digest ?? "")).status).toBe(200);
      expect((await tagsOf(here)).tags).toEqual(TAGS.slice(1));
      expect((await here.manifest("DELETE", images[1]?.digest ?? "")).status).toBe(202);
      expect((await here.manifest("GET", images[1]?.digest ?? "")).status).toBe(404);
      expect((await here.manifest("GET", "test1")).status).toBe(404);
      expect((await tagsOf(here)).tags).toEqual(TAGS.slice(2));
      expect((await here.manifest("DELETE", images[1]?.digest ?? "")).status).toBe(404);
    });

    it("a blob that is deleted is gone", async ({ expect }) => {
      const here = target().repository("blob-delete");
      const bytes = randomBytes(64);
      const digest = digestOf(bytes);
      locationOf(await here.push(digest, bytes), 201);
      expect((await here.blob("DELETE", digest)).status).toBe(202);
      expect((await here.blob("GET", digest)).status).toBe(404);
      expect((await here.blob("DELETE", digest)).status).toBe(404);
    });
  });
}
