/** Lists in pages: tags, the catalog, and what refers to a manifest. */
import { describe, it } from "vitest";
import { OCI_INDEX } from "../../src/registry/oci/media-types.ts";
import {
  digestOf,
  imageManifest,
  newRepository,
  pushBlob,
  pushImage,
  putManifest,
  randomBytes,
  send,
  told,
} from "./registry-push-world.ts";

/** Where the next page is; null: this was the last. */
function nextOf(response: Response): string | null {
  return /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
}

interface Listed {
  readonly tags: string[];
  readonly repositories: string[] | Record<string, string[]>;
  readonly manifests: { digest: string }[];
}

const readTags = ({ tags }: Listed) => tags;
const readNames = ({ repositories }: Listed) => repositories as string[];
const readTagged = ({ repositories }: Listed) => Object.entries(repositories as Record<string, string[]>);
const readDigests = ({ manifests }: Listed) => manifests.map(({ digest }) => digest);

async function allPages<T>(path: string, read: (body: Listed) => T[]): Promise<T[][]> {
  const pages: T[][] = [];
  let next: string | null = path;
  while (next !== null) {
    const response: Response = await send("GET", next);
    pages.push(read(await response.json<Listed>()));
    next = nextOf(response);
  }
  return pages;
}

async function tagsOf(path: string): Promise<string[]> {
  return (await (await send("GET", path)).json<{ tags: string[] }>()).tags;
}

describe("tags", () => {
  it("are listed in the order of their bytes, in pages of any length", async ({ expect }) => {
    const repository = newRepository();
    const { bytes } = await pushImage(repository, "b");
    for (const tag of ["a", "B", "c.1", "_z"]) await putManifest(repository, tag, bytes);
    const sorted = ["B", "_z", "a", "b", "c.1"];
    const path = `/v2/${repository}/tags/list`;
    const all = await send("GET", path);
    expect([await all.json(), nextOf(all)]).toEqual([{ name: repository, tags: sorted }, null]);
    expect(all.headers.get("content-type")).toBe("application/json");
    expect(await allPages(`${path}?n=2`, readTags)).toEqual([["B", "_z"], ["a", "b"], ["c.1"]]);
    expect(await allPages(`${path}?n=5`, readTags)).toEqual([sorted]);
    expect(await tagsOf(`${path}?last=a`)).toEqual(["b", "c.1"]);
    expect(await tagsOf(`${path}?n=1&last=Z`)).toEqual(["_z"]);
    const none = await send("GET", `${path}?n=0`);
    expect([await none.json(), nextOf(none)]).toEqual([{ name: repository, tags: [] }, null]);
    for (const n of ["-1", "many", "1.5"])
      expect(await told(await send("GET", `${path}?n=${n}`))).toBe("400 UNSUPPORTED");
  });

  it("of a repository that nobody made are not known, of one without any are none", async ({ expect }) => {
    const repository = newRepository();
    expect(await told(await send("GET", `/v2/${repository}/tags/list`))).toBe("404 NAME_UNKNOWN");
    await pushBlob(repository, randomBytes(5));
    expect(await tagsOf(`/v2/${repository}/tags/list`)).toEqual([]);
  });
});

describe("the catalog", () => {
  it("has all repositories, in pages", async ({ expect }) => {
    const names = [newRepository(), newRepository(), newRepository()];
    for (const name of names) await pushImage(name, "v1");
    const all = (await allPages("/v2/_catalog", readNames)).flat();
    expect(all).toEqual(expect.arrayContaining(names));
    expect(all).toEqual(all.toSorted());
    const pages = await allPages("/v2/_catalog?n=2", readNames);
    expect(pages.flat()).toEqual(all);
    expect(pages.slice(0, -1).every(({ length }) => length === 2)).toBe(true);
  });

  it("has tags beside the names for clients that ask for them", async ({ expect }) => {
    const repository = newRepository();
    const { bytes } = await pushImage(repository, "v1");
    await putManifest(repository, "v2", bytes);
    const all = Object.fromEntries((await allPages("/v2/_catalog?tags=true&n=1", readTagged)).flat());
    expect(all[repository]).toEqual(["v1", "v2"]);
    expect(await (await send("GET", "/v2/_catalog?tags=true&n=0")).json()).toEqual({ repositories: {} });
  });
});

describe("referrers", () => {
  it("of a manifest are an index of those that have it as their subject", async ({ expect }) => {
    const repository = newRepository();
    const image = await pushImage(repository, "v1");
    const subject = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: image.digest,
      size: image.bytes.length,
    };
    const sbom = {
      subject,
      artifactType: "application/vnd.example.sbom",
      annotations: { "org.example.format": "json" },
    };
    const first = await imageManifest(repository, sbom);
    const second = await imageManifest(repository, { subject });
    for (const { digest, bytes } of [first, second]) await putManifest(repository, digest, bytes);
    const path = `/v2/${repository}/referrers/${image.digest}`;
    const response = await send("GET", path);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, OCI_INDEX]);
    expect(response.headers.get("oci-filters-applied")).toBeNull();
    const body = await response.json<{ manifests: { digest: string }[] }>();
    expect(body).toMatchObject({ schemaVersion: 2, mediaType: OCI_INDEX });
    const entries = new Map(body.manifests.map((entry) => [entry.digest, entry]));
    expect(entries.get(first.digest)).toEqual({
      mediaType: subject.mediaType,
      digest: first.digest,
      size: first.bytes.length,
      artifactType: sbom.artifactType,
      annotations: sbom.annotations,
    });
    expect(entries.get(second.digest)).toMatchObject({ artifactType: "application/vnd.oci.image.config.v1+json" });
    const filtered = await send("GET", `${path}?artifactType=${encodeURIComponent(sbom.artifactType)}`);
    expect(filtered.headers.get("oci-filters-applied")).toBe("artifactType");
    expect((await filtered.json<typeof body>()).manifests.map(({ digest }) => digest)).toEqual([first.digest]);
    expect(await allPages(`${path}?n=1`, readDigests)).toEqual(
      [first.digest, second.digest].toSorted().map((digest) => [digest]),
    );
    await send("DELETE", `/v2/${repository}/manifests/${first.digest}`);
    expect(readDigests(await (await send("GET", path)).json())).toEqual([second.digest]);
  });

  it("of what nobody pushed are none, of no digest an error", async ({ expect }) => {
    const digest = await digestOf(randomBytes(4));
    const empty = await send("GET", `/v2/${newRepository()}/referrers/${digest}`);
    expect([empty.status, await empty.json()]).toEqual([
      200,
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] },
    ]);
    expect(await told(await send("GET", `/v2/${newRepository()}/referrers/latest`))).toBe("400 DIGEST_INVALID");
    const wrong = await send("GET", `/v2/${newRepository()}/referrers/${digest}?artifactType=nothing`);
    expect(await told(wrong)).toBe("400 UNSUPPORTED");
  });
});
