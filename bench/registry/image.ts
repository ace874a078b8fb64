/**
 * The image that is pushed and pulled, as an OCI layout in a folder: eight layers of 504 MB together, seven that nothing can
 * compress and one of text. skopeo remembers which registry has which blob, and would mount instead of push: so each
 * image has bytes of its own.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const RANDOM_LAYERS = 7;
const RANDOM_BYTES = 68_800_000;
const TEXT_LINES = 1_400_000;
const TAR_BLOCK = 512;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface BenchImage {
  /** Of its layers as they are pushed. */
  readonly bytes: number;
  /** For skopeo. */
  readonly reference: string;
  /** Of the manifest. */
  readonly digest: string;
}

export async function makeImage(folder: string): Promise<BenchImage> {
  await rm(folder, { recursive: true, force: true });
  const blobs = join(folder, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const blob = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const digest = sha256(bytes);
    await writeFile(join(blobs, digest.slice("sha256:".length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (let index = 0; index <= RANDOM_LAYERS; index += 1) {
    const isText = index === RANDOM_LAYERS;
    const tar = tarOf(isText ? text() : randomBytes(RANDOM_BYTES));
    diffIds.push(sha256(tar));
    // Random bytes are only wrapped: compressing them would take long and make nothing smaller.
    const layer = gzipSync(tar, { level: isText ? 1 : 0 });
    layers.push(await blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip"));
  }
  const json = async (value: unknown, mediaType: string) => await blob(Buffer.from(JSON.stringify(value)), mediaType);
  const config = await json(
    { architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: diffIds } },
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await json({ schemaVersion: 2, mediaType, config, layers }, mediaType);
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "bench" } };
  await writeFile(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  return { bytes, reference: `oci:${folder}:bench`, digest: manifest.digest };
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Lines of which about six in seven bytes compress away. */
function text(): Buffer {
  const words = randomBytes(TEXT_LINES * 8);
  const lines: string[] = [];
  for (let line = 0; line < TEXT_LINES; line += 1) {
    const word = words.toString("hex", line * 8, line * 8 + 8);
    lines.push(
      `${String(line).padStart(8, "0")} the quick brown fox jumps over the lazy dog, and over ${word} again and again\n`,
    );
  }
  return Buffer.from(lines.join(""));
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;

/** An archive of one file. */
function tarOf(content: Buffer): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write("file", 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar", 257);
  header.write("00", 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((TAR_BLOCK - (content.length % TAR_BLOCK)) % TAR_BLOCK);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * TAR_BLOCK)]);
}
