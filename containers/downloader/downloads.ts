/** What the server has of all this: a download is prepared, its answer told, and its bytes sent. */
import type { ServerResponse } from "node:http";
import type { LayerCache } from "./download/layer-cache.ts";
import { Flights } from "./download/flights.ts";
import { prepare, type Download, type DownloadRequest } from "./download/prepare.ts";
import { answerFor, type DownloadAnswer, type RangeRequest } from "./download/range.ts";
import { send, type SendOptions } from "./download/send.ts";
import { UnpackedLengths } from "./download/unpacked-sizes.ts";
import { DownloadError } from "./errors.ts";
import type { ManifestCache } from "./image/manifest-reader.ts";
import type { ImageLayer, ResolvedImage } from "./image/types.ts";
import type { PieceMemory } from "./registry/bulk/memory.ts";
import type { Registries, Registry } from "./registry/registries.ts";

export interface DownloadsOptions {
  readonly registries: Registries;
  /** Of `bulkFetch`, which the registries read blobs with. */
  readonly memory: PieceMemory;
  /** Of images that anybody may read: what is read with a password never goes there and never comes from there. */
  readonly layers?: LayerCache | undefined;
  readonly manifests?: ManifestCache | undefined;
}

export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #flights: Flights;
  readonly #lengths: UnpackedLengths;

  constructor(options: DownloadsOptions) {
    this.#options = options;
    this.#flights = new Flights(options.memory);
    this.#lengths = new UnpackedLengths(this.#flights);
  }

  /** Throws `DownloadError`. `signal`: nobody waits for it any more. */
  async prepare(request: DownloadRequest, signal?: AbortSignal): Promise<Download> {
    const { registries, manifests } = this.#options;
    const unpackedSize = async (registry: Registry, image: ResolvedImage, layer: ImageLayer) =>
      await this.#unpackedSize(registry, image, layer, signal);
    return await prepare(request, { registries, manifests, unpackedSize });
  }

  /** For `HEAD` as for `GET`. */
  answer(download: Download, request: RangeRequest): DownloadAnswer {
    const whole = answerFor(download, { ...request, range: undefined });
    const answer = answerFor(download, request);
    return answer.status === 206 && this.#isSpoilt(download, answer.start) ? whole : answer;
  }

  /**
   * The body of that answer, whose head was written. Resolves when the last byte is handed over; throws when what was
   * promised cannot be sent, after it broke the connection: the client then has less than `Content-Length`.
   */
  async send(
    download: Download,
    { start, end }: DownloadAnswer,
    response: ServerResponse,
    options: SendOptions = {},
  ): Promise<void> {
    const context = { ...options, flights: this.#flights, cache: this.#options.layers };
    await send(download, { start, end }, response, context);
  }

  /** Whoever has the archive up to there may have bytes of a layer that turned out to be wrong. */
  #isSpoilt({ plan, registries }: Download, start: number): boolean {
    return plan.members.some(({ content, start: from, header }) => {
      if (content.kind !== "blob" || from + header.length >= start) return false;
      const registry = registries[content.blob.image];
      return registry !== undefined && this.#flights.wasWrong({ digest: content.blob.stored.digest, registry });
    });
  }

  async #unpackedSize(
    registry: Registry,
    image: ResolvedImage,
    layer: ImageLayer,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const { digest, size, diffId } = layer;
    if (diffId === null) throw new DownloadError("NOT_AN_IMAGE", `${image.name} does not say what is in ${digest}`);
    const { repository } = image.reference;
    const cache = registry.isCached ? (this.#options.layers ?? null) : null;
    return await this.#lengths.of({ digest, size, repository, registry, cache }, diffId, signal);
  }
}
