/** Tags that are set with a manifest that is pushed by its digest: what the next version of the specification adds. */
import { describe, it } from "vitest";
import { type Algorithm, ALGORITHMS, Content } from "./content.ts";
import { put } from "./kinds.ts";
import { locationOf, type Target, withQuery } from "./target.ts";

export function tagParameters(target: () => Target): void {
  describe.each<Algorithm>(ALGORITHMS)("tag-param-%s", (algorithm) => {
    it("PUT by digest with `tag` sets each of them", async ({ expect }) => {
      const here = target().repository("tag-param");
      const content = new Content(algorithm);
      content.manifest();
      for (const [digest, bytes] of content.blobs) locationOf(await here.push(digest, bytes), 201);
      for (const manifest of content.manifests) {
        const reference = `${withQuery(manifest.digest, { tag: "one" })}&tag=two`;
        const answer = await put(here, reference, manifest);
        expect(answer.status).toBe(201);
        expect(answer.headers["oci-tag"]?.split(/, ?/).toSorted()).toEqual(["one", "two"]);
        for (const tag of ["one", "two"]) {
          const got = await here.manifest("GET", tag);
          expect(got).toMatchObject({ status: 200, headers: { "docker-content-digest": manifest.digest } });
          expect(got.body.equals(manifest.bytes)).toBe(true);
        }
      }
    });
  });
}
