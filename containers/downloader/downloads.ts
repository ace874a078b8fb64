/** What the server has of all this: a download is prepared, its answer told, and its bytes sent. */
import { answerFor, type DownloadAnswer, type RangeRequest } from "./download/range.ts";
import type { LayerCache } from "./download/layer-cache.ts";
import { prepare, type Download, type DownloadRequest } from "./download/prepare.ts";
import { DownloadError } from "./errors.ts";
import { send, type SendOptions } from "./download/send.ts";
import type { ManifestCache } from "./image/manifest-reader.ts";
import type { Registries } from "./registry/registries.ts";
import type { ServerResponse } from "node:http";

export interface DownloadsOptions {
  readonly registries: Registries;
  /** Of images that anybody may read: what is read with a password never goes there and never comes from there. */
  readonly layers?: LayerCache | undefined;
  readonly manifests?: ManifestCache | undefined;
}

export class Downloads {
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /** Throws `DownloadError`. */
  async prepare(request: DownloadRequest): Promise<Download> {
    const { registries, manifests } = this.#options;
    return await prepare(request, { registries, manifests, unpackedSize });
  }

  /** For `HEAD` as for `GET`. */
  answer(download: Download, request: RangeRequest): DownloadAnswer {
    return answerFor(download, request);
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
    await send(download, { start, end }, response, { cache: this.#options.layers, ...options });
  }
}

async function unpackedSize(): Promise<number> {
  throw new DownloadError("NOT_AN_IMAGE", "layers of zstd cannot be unpacked here");
}
