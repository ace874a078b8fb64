/**
 * For an engine that cannot reach the registry itself, as one in a virtual machine does not reach this machine's loopback:
 * the image is read here and sent to the engine as the archive that `docker load` takes, layer by layer as it comes.
 */
import { Readable } from "node:stream";
import { callDocker } from "../runtime/docker-api.ts";
import { isDigest, type Digest } from "../../src/registry/oci/digest.ts";
import type { Descriptor } from "../../src/registry/oci/descriptor.ts";
import { parseManifest, type ParsedManifest } from "../../src/registry/oci/manifest.ts";
import { upstreamRegistry, type UpstreamRegistry } from "../../src/registry/upstream/client.ts";
import type { UpstreamAnswer } from "../../src/registry/upstream/failure.ts";
import { TokenCache } from "../../src/registry/upstream/tokens.ts";
import { verified } from "../../src/registry/upstream/verified.ts";
import { PullFailure } from "./engine-images.ts";

export interface ArchiveRequest {
  readonly domain: string;
  readonly repository: string;
  readonly digest: string;
  readonly login: { readonly username: string; readonly password: string } | null;
  /** The name that it gets. */
  readonly image: string;
  readonly onProgress: (percent: number) => void;
}

const LOAD_LIMIT_MS = 3_600_000;
const BLOCK = 512;

export async function loadArchive(socketPath: string, request: ArchiveRequest): Promise<void> {
  const { domain, repository, digest, login, image, onProgress } = request;
  const upstream = upstreamRegistry({
    domain,
    fetch: async (url, init) => await fetch(url, init),
    login: async () => (login === null ? null : { user: login.username, password: login.password }),
    tokens: new TokenCache(),
    allowPrivate: true,
  });
  if (typeof upstream === "string") throw new PullFailure(upstream);
  if (!isDigest(digest)) throw new PullFailure(`${digest} is no digest`);
  const manifest = await platformImage(upstream, repository, digest, await engineArchitecture(socketPath));
  const body = Readable.from(entries(upstream, repository, manifest, image, onProgress));
  const { status, body: answer } = await callDocker(socketPath, "/images/load?quiet=1", {
    method: "POST",
    body,
    headers: { "content-type": "application/x-tar" },
    timeoutMs: LOAD_LIMIT_MS,
  });
  if (status !== 200 || answer.includes('"errorDetail"')) {
    throw new PullFailure(`the engine could not load ${image} (${status}): ${answer.trim().slice(-300)}`);
  }
}

async function engineArchitecture(socketPath: string): Promise<string> {
  const { body } = await callDocker(socketPath, "/version");
  return (JSON.parse(body) as { Arch?: string }).Arch ?? "amd64";
}

interface Index {
  readonly manifests: readonly {
    readonly digest: Digest;
    readonly platform?: { readonly os?: string; readonly architecture?: string };
  }[];
}

async function platformImage(
  upstream: UpstreamRegistry,
  repository: string,
  digest: Digest,
  architecture: string,
): Promise<ParsedManifest> {
  const { bytes, mediaType } = valueOf(await upstream.manifest(repository, digest));
  const parsed = await parseManifest(bytes, mediaType);
  if (parsed.kind === "image") return parsed;
  if (parsed.kind !== "index") throw new PullFailure(`${digest} is no image: ${parsed.mediaType}`);
  // Its form was checked.
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as Index;
  const found = manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === architecture);
  if (found === undefined) throw new PullFailure(`no matching manifest for linux/${architecture} in ${digest}`);
  return await platformImage(upstream, repository, found.digest, architecture);
}

async function* entries(
  upstream: UpstreamRegistry,
  repository: string,
  { config, layers }: ParsedManifest,
  image: string,
  onProgress: (percent: number) => void,
): AsyncGenerator<Uint8Array> {
  if (config === null) throw new PullFailure("an image without a config");
  // Two layers with the same bytes are one file.
  const blobs = [...new Map([config, ...layers].map((blob) => [blob.digest, blob])).values()];
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const blob of blobs) {
    yield header(fileOf(blob), blob.size);
    const { digest, size } = blob;
    const { body } = valueOf(await upstream.blob({ repository, digest, size }));
    const reader = verified(body, digest).getReader();
    for (;;) {
      const { value, done: isOver } = await reader.read();
      if (isOver) break;
      done += value.byteLength;
      onProgress(total === 0 ? 100 : Math.floor((done / total) * 100));
      yield value;
    }
    yield padding(size);
  }
  const manifest = [{ Config: fileOf(config), RepoTags: [image], Layers: layers.map(fileOf) }];
  const text = new TextEncoder().encode(JSON.stringify(manifest));
  yield header("manifest.json", text.byteLength);
  yield text;
  yield padding(text.byteLength);
  yield new Uint8Array(2 * BLOCK);
}

function fileOf({ digest }: Descriptor): string {
  return digest.replace(":", "-");
}

/** Of a plain file, as POSIX has it. */
function header(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100);
  block.write("0000644\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(sizeField(size), 124, "latin1");
  block.write("00000000000\0", 136);
  block.write(" ".repeat(8), 148);
  block.write("0", 156);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** Octal up to 8 GiB; beyond, as GNU's tar writes it. */
function sizeField(size: number): string {
  if (size < 8 ** 11) return `${size.toString(8).padStart(11, "0")}\0`;
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(size), 4);
  bytes[0] = 0x80;
  return bytes.toString("latin1");
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

function valueOf<T>(answer: UpstreamAnswer<T>): T {
  if (answer.ok) return answer.value;
  throw new PullFailure(answer.failure.message);
}
