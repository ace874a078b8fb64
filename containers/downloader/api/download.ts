/** Downloads, whichever way they are asked for: by a link, by JSON, by a form; all of it, a range of it, or its headers. */
import { finished } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import type { Gateway } from "../cache/gateway.ts";
import { MAX_IMAGES, type Download } from "../download/prepare.ts";
import type { Downloads } from "../downloads.ts";
import { parametersOf, type Call } from "../http/call.ts";
import { badRequest } from "../http/api-error.ts";
import type { Parameters } from "../http/body.ts";
import { isOfClient, toApiError } from "../http/failures.ts";
import { optionalText, texts } from "../http/fields.ts";
import { DEFAULT_PLATFORM } from "../image/platform.ts";
import { Places } from "../limits/places.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { share } from "../progress/sharing.ts";
import { requireId, type Transfer, type Transfers } from "../progress/transfers.ts";
import { formatOf } from "./details.ts";
import { inLog, loginOf } from "./login.ts";

/** A client that takes nothing for so long is cut, and may resume. */
const IDLE_MS = 600_000;

/** Of a client that reads nothing, each holds some four megabytes of the four gigabytes that there are. */
const MAX_DOWNLOADS = 500;
const places = new Places(MAX_DOWNLOADS);

export interface DownloadParts {
  readonly downloads: Downloads;
  readonly transfers: Transfers;
  readonly state: Gateway;
  readonly metrics: Metrics;
}

export async function download(call: Call, parts: DownloadParts): Promise<void> {
  const parameters = await parametersOf(call);
  const transfer = followed(parameters, call, parts);
  try {
    // Only now: of a client that has asked too often, the page hears by the download's own events.
    await call.admit();
    const leave = places.take();
    try {
      await serve(call, parameters, transfer, parts);
    } finally {
      leave();
    }
  } catch (error) {
    if (isOfClient(error, call.response)) {
      transfer?.ends("aborted");
      return;
    }
    const { code, message } = toApiError(error);
    transfer?.ends("failed", { code, message });
    throw error;
  }
}

/** Null: nobody wants to follow it. Asking for its headers is no download. */
function followed(parameters: Parameters, { request }: Call, { transfers, state }: DownloadParts): Transfer | null {
  const id = optionalText(parameters, "id");
  if (id === null || request.method === "HEAD") return null;
  const transfer = transfers.begin(requireId(id));
  share(state, transfer);
  return transfer;
}

async function serve(
  { request, response, notes }: Call,
  parameters: Parameters,
  transfer: Transfer | null,
  { downloads, metrics }: DownloadParts,
): Promise<void> {
  refuseUpload(request);
  const login = loginOf(parameters, request);
  const images = texts(parameters, ["image", "images"], MAX_IMAGES);
  const platform = optionalText(parameters, "platform") ?? DEFAULT_PLATFORM;
  const format = formatOf(optionalText(parameters, "format"));
  if (login === null) Object.assign(notes, { image: images.map(inLog).join(" "), platform, format });
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const prepared = await downloads.prepare({ images, platform, format, login }, gone.signal);
  const { headers } = request;
  const answer = downloads.answer(prepared, {
    range: headers.range,
    ifRange: String(headers["if-range"] ?? "") || undefined,
    ifNoneMatch: headers["if-none-match"],
    ifMatch: headers["if-match"],
  });
  transfer?.begins(prepared.fileName, totalOf(prepared), answer.start);
  response.writeHead(answer.status, answer.headers);
  if (request.method === "HEAD" || answer.end === answer.start) {
    response.end();
    transfer?.ends("done");
    return;
  }
  response.setTimeout(IDLE_MS, () => response.destroy());
  let sent = 0;
  const onProgress = (bytes: number): void => {
    sent += bytes;
    metrics.sent(bytes);
    transfer?.sent(bytes);
  };
  metrics.downloads(1);
  try {
    await downloads.send(prepared, answer, response, { onProgress });
    // The last bytes are the system's by then, and counted in this turn.
    await finished(response, { readable: false });
    await setImmediate();
    transfer?.ends("done");
  } finally {
    metrics.downloads(-1);
    notes["bytes"] = sent;
  }
}

/** So curl asks for the rest by POST: given the whole, it would append that to what it has. */
function refuseUpload({ headers }: Call["request"]): void {
  if (headers["content-range"] === undefined) return;
  throw badRequest("content-range", "a download is resumed by GET, with -u for a private image, or by Range");
}

function totalOf({ plan }: Download): number {
  return plan.length;
}
