/** A registry on loopback with images of each form, something between it and the downloader, and the downloader itself. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OCI, OciLayout, testImages, type Descriptor, type TestImage } from "../oci-layout.ts";
import { startDockerRegistry, type DockerRegistry } from "../registry-tools.ts";
import { curl, headersOf, type Curled, type Headers } from "./curl.ts";
import { bundleDownloader, startDownloader, type Downloader, type DownloaderOptions } from "./server.ts";
import { pushTree } from "./push.ts";
import { RegistryProxy } from "./registry-proxy.ts";

/** `wide`: of layers large enough to be in the middle of. `nested`: an index of an index, attestations first. */
export type Tag = TestImage | "wide" | "nested" | "shared";

const INDEXES: ReadonlySet<string> = new Set(["platforms", "attested", "nested"]);
const WIDE_LAYER = 3_000_000;
const WIDE_LAYERS = 5;

export class DownloaderWorld {
  readonly folder: string;
  readonly registry: DockerRegistry;
  readonly proxy: RegistryProxy;
  readonly digests: Readonly<Record<Tag, string>>;
  server: Downloader;
  #files = 0;

  private constructor(
    folder: string,
    registry: DockerRegistry,
    proxy: RegistryProxy,
    digests: Readonly<Record<Tag, string>>,
    server: Downloader,
  ) {
    this.folder = folder;
    this.registry = registry;
    this.proxy = proxy;
    this.digests = digests;
    this.server = server;
  }

  static async create(options: DownloaderOptions = {}): Promise<DownloaderWorld> {
    const folder = await mkdtemp(join(tmpdir(), "downloader-"));
    const [registry] = await Promise.all([startDockerRegistry(), bundleDownloader()]);
    const proxy = await RegistryProxy.start(registry.host);
    const { layout, digests } = await testImages(join(folder, "images"));
    const more = await moreImages(layout);
    const target = { host: registry.host, repository: "team/web" };
    for (const [tag, digest] of Object.entries({ ...digests, ...more })) {
      const mediaType = INDEXES.has(tag) ? OCI.index : OCI.manifest;
      await pushTree(layout, { mediaType, digest }, target, tag);
    }
    const server = await startDownloader(options);
    return new DownloaderWorld(folder, registry, proxy, { ...digests, ...more }, server);
  }

  /** As people write it, behind the proxy. */
  image(tag: string): string {
    return `${this.proxy.host}/team/web:${tag}`;
  }

  /** The registry itself, for programs that are asked what is right. */
  direct(tag: string): string {
    return `docker://${this.registry.host}/team/web:${tag}`;
  }

  url(image: string | readonly string[], more: Readonly<Record<string, string>> = {}): string {
    const query = new URLSearchParams([...[image].flat().map((each) => ["image", each]), ...Object.entries(more)]);
    return `${this.server.origin}/api/download?${query.toString()}`;
  }

  /** A name that no file has. */
  file(): string {
    return join(this.folder, `archive-${(this.#files += 1)}.tar`);
  }

  /** An archive that has to come whole; its file. */
  async download(image: string | readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> {
    const file = this.file();
    const { code, status, stderr } = await this.curl(this.url(image, more), file, "--fail-with-body");
    if (code !== 0) throw new Error(`no archive of ${String(image)}: ${status} ${stderr}`);
    return file;
  }

  async curl(url: string, file: string, ...options: readonly string[]): Promise<Curled> {
    return await curl(url, file, ...options);
  }

  async headers(url: string, ...options: readonly string[]): Promise<Headers> {
    return await headersOf(url, ...options);
  }

  /** Another process that remembers nothing. */
  async restart(options: DownloaderOptions = {}): Promise<void> {
    await this.server.stop();
    this.server = await startDownloader(options);
  }

  async remove(): Promise<void> {
    await this.server.stop();
    await this.proxy.stop();
    await this.registry.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function moreImages(layout: OciLayout): Promise<Record<Exclude<Tag, TestImage>, string>> {
  const layer = { files: ["bytes"], size: WIDE_LAYER };
  const inner = await layout.image([{}], "arm64");
  const made: Record<Exclude<Tag, TestImage>, Descriptor> = {
    wide: await layout.image(Array.from({ length: WIDE_LAYERS }, () => layer)),
    nested: await layout.index([
      await layout.attestation(inner),
      await layout.index([await layout.image([{}]), inner]),
    ]),
    shared: await layout.image([{}]),
  };
  return Object.fromEntries(Object.entries(made).map(([tag, { digest }]) => [tag, digest])) as Record<
    Exclude<Tag, TestImage>,
    string
  >;
}
