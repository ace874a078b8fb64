/** Whatever is sent to the registry, the answer is one of the specification's, and never an error of the server. */
import { describe, it } from "vitest";
import { pushBlob, pushImage, randomBytes, send, startUpload } from "./registry-push-world.ts";

const ROUNDS = 400;

/** The same sequence for the same seed. */
function chooser(seed: number) {
  let state = seed;
  return <T>(...choices: readonly T[]): T => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return choices[Math.floor((state / 2 ** 32) * choices.length)] as T;
  };
}

describe("the registry", () => {
  it("answers nonsense in its own form", async ({ expect }) => {
    const seed = Date.now() % 100_000;
    const pick = chooser(seed);
    const repository = "fuzz/one";
    const { digest } = await pushImage(repository, "v1");
    const blob = await pushBlob(repository, randomBytes(2_000));
    let upload = await startUpload(repository);
    for (let round = 0; round < ROUNDS; round += 1) {
      const zeros = `sha256:${"0".repeat(64)}`;
      const thing = pick(digest, blob, zeros, "sha256:x", "v1", "%00", "a".repeat(300), "é", "..%2f", "latest");
      const name = pick(repository, "fuzz/two", "FUZZ", "fuzz//one", `${"0".repeat(32)}/x`, "%2f");
      const path = pick(
        `/v2/${name}/manifests/${thing}`,
        `/v2/${name}/blobs/${thing}`,
        `/v2/${name}/blobs/uploads/`,
        upload,
        `/v2/${name}/referrers/${thing}`,
        `/v2/${name}/tags/list`,
        "/v2/_catalog",
        "/v2/",
      );
      const method = pick("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS");
      const query = pick(
        "",
        "",
        `?digest=${thing}`,
        `?mount=${thing}&from=${name}`,
        "?n=0",
        "?n=1&last=%00",
        "?n=99999999999",
        `?tag=${thing}`,
        "?digest-algorithm=md5",
        "?artifactType=a/b&last=zz",
        "?tags=true",
      );
      const headers: Record<string, string> = {};
      const range = pick(
        undefined,
        undefined,
        "bytes=0-10",
        "bytes=5-1",
        "bytes=-",
        "0-10",
        "10-5",
        "bytes 0-1999/*",
        "x",
      );
      if (range !== undefined) headers[pick("range", "content-range")] = range;
      const type = pick(undefined, "application/json", "application/vnd.oci.image.index.v1+json", "x");
      if (type !== undefined) headers["content-type"] = type;
      const etag = pick(undefined, undefined, "*", `"${digest}"`, ",,,");
      if (etag !== undefined) headers["if-none-match"] = etag;
      const hasBody = method !== "GET" && method !== "HEAD";
      const body = hasBody
        ? pick<BodyInit | undefined>(undefined, "", "{}", "[]", '{"schemaVersion":2}', randomBytes(2_000))
        : undefined;
      const response = await send(
        method,
        `${path}${path === upload ? query.replace("?", pick("?", "&")) : query}`,
        body,
        headers,
      );
      const what = `seed ${seed}, round ${round}: ${method} ${path}${query} ${JSON.stringify(headers)}`;
      expect(response.status, what).toBeLessThan(500);
      const text = await response.text();
      if (response.status >= 400 && method !== "HEAD" && path.startsWith("/v2")) {
        expect(JSON.parse(text), what).toEqual({
          errors: expect.arrayContaining([expect.objectContaining({ code: expect.stringMatching(/^[A-Z_]+$/) })]),
        });
      }
      const location = response.headers.get("location");
      if (response.status === 202 && location?.includes("/uploads/") === true) upload = location;
    }
  });
});
