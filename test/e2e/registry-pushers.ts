/**
 * Clients that push small images, share layers, delete and leave things behind, and a memory of what each request was
 * answered: whatever happens to the registry, an image whose push was answered is there with all its bytes.
 */
import { randomBytes } from "node:crypto";
import { chunked } from "../conformance/oci/chunked.ts";
import { Content, digestOf, type Manifest } from "../conformance/oci/content.ts";
import { type Answer, locationOf, type Repository } from "../conformance/oci/target.ts";

type Fate =
  /** Its push was answered with success. */
  | "committed"
  /** No answer came: it is there as a whole, or not at all. */
  | "unknown"
  | "deleted";

interface Image {
  readonly manifest: Manifest;
  readonly blobs: ReadonlyMap<string, Buffer>;
  fate: Fate;
}

const LAYER = "application/vnd.oci.image.layer.v1.tar";
const COMMON = 4;

export class Pushers {
  readonly #repository: Repository;
  readonly images: Image[] = [];
  /** Locations of uploads that nobody has ended, with what was sent. */
  readonly #open: { location: string; bytes: Buffer }[] = [];
  /** Many images have one of them. */
  readonly #common = Array.from({ length: COMMON }, () => randomBytes(20_000));
  #count = 0;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get committed(): number {
    return this.images.filter(({ fate }) => fate === "committed").length;
  }

  /** One image from its first byte to its tag; false where the registry says that a layer went meanwhile. */
  async push(): Promise<boolean> {
    const n = (this.#count += 1);
    const content = new Content();
    const common = this.#common[n % COMMON] ?? Buffer.alloc(0);
    const layers = [content.blob(randomBytes(3_000 + (n % 7) * 9_000), LAYER), content.blob(common, LAYER)];
    content.manifest({ layers, tag: `image-${n}` });
    const [manifest] = content.manifests;
    if (manifest === undefined) throw new Error("one was made");
    for (const [digest, bytes] of content.blobs) await this.#pushBlob(digest, bytes, n % 3 === 0);
    const image: Image = { manifest, blobs: content.blobs, fate: "unknown" };
    this.images.push(image);
    const headers = { "content-type": manifest.mediaType };
    const answer = await this.#repository.manifest("PUT", `image-${n}`, { headers, body: manifest.bytes });
    if (answer.status === 400 && answer.body.includes("MANIFEST_BLOB_UNKNOWN")) {
      image.fate = "deleted";
      return false;
    }
    locationOf(answer, 201);
    image.fate = "committed";
    return true;
  }

  async #pushBlob(digest: string, bytes: Buffer, inChunks: boolean): Promise<void> {
    if ((await this.#repository.blob("HEAD", digest)).status === 200) return;
    const pushed = inChunks
      ? await chunked(this.#repository, digest, bytes, { size: 8_192 })
      : await this.#repository.push(digest, bytes);
    locationOf(pushed, 201);
  }

  /** The oldest image that is there goes. */
  async deleteOne(): Promise<void> {
    const image = this.images.find(({ fate }) => fate === "committed");
    if (image === undefined) return;
    image.fate = "unknown";
    const { status } = await this.#repository.manifest("DELETE", image.manifest.digest);
    if (status !== 202) throw new Error(`${status} to the DELETE of an image`);
    image.fate = "deleted";
  }

  /** A blob that no image will have, and an upload that nobody ends. */
  async litter(): Promise<void> {
    const orphan = randomBytes(5_000);
    locationOf(await this.#repository.push(digestOf(orphan), orphan), 201);
    const bytes = randomBytes(4_000);
    const upload = { location: await this.#repository.startUpload(), bytes };
    this.#open.push(upload);
    await this.#patch(upload.location, bytes.subarray(0, 1_500), 0);
  }

  /** Uploads of before go on where the registry says that they end. How many did. */
  async resume(): Promise<number> {
    let resumed = 0;
    for (const { location, bytes } of this.#open.splice(0)) {
      const state = await this.#repository.target.ask("GET", location);
      const next = locationOf(state, 204);
      const stored = Number(/^0-(\d+)$/.exec(state.headers["range"] ?? "")?.[1] ?? -1) + 1;
      // `0-0` is said of an upload without bytes, too.
      const from = stored === 1 ? 0 : stored;
      const rest = locationOf(await this.#patch(next, bytes.subarray(from), from), 202);
      const digest = digestOf(bytes);
      locationOf(await this.#repository.close(rest, digest), 201);
      if (!(await this.#repository.blob("GET", digest)).body.equals(bytes)) throw new Error("an upload changed");
      resumed += 1;
    }
    return resumed;
  }

  async #patch(location: string, body: Buffer, from: number): Promise<Answer> {
    const headers = { "content-range": `${from}-${from + body.byteLength - 1}` };
    return await this.#repository.target.ask("PATCH", location, { headers, body });
  }

  /** What is wrong with images, one line each: nothing, if all is well. `last`: of these many alone. */
  async faults(last = this.images.length): Promise<string[]> {
    const faults: string[] = [];
    for (const image of this.images.slice(-last)) {
      const { manifest, blobs, fate } = image;
      const got = await this.#repository.manifest("GET", manifest.digest);
      if (got.status === 404 && fate !== "committed") {
        image.fate = "deleted";
        continue;
      }
      if (got.status !== 200 || !got.body.equals(manifest.bytes) || fate === "deleted")
        faults.push(`${fate} image ${manifest.digest}: ${got.status}`);
      for (const [digest, bytes] of blobs) {
        const blob = await this.#repository.blob("GET", digest);
        if (!blob.body.equals(bytes)) faults.push(`${digest} of ${fate} image ${manifest.digest}: ${blob.status}`);
      }
      if (fate === "unknown") image.fate = "committed";
    }
    return faults;
  }
}
