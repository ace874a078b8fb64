/**
 * `fetch` for the model. What may be reached is decided outside of the container, for each request and each redirect anew;
 * here are the limits of time and size. The host of the Messages API is refused: a request to it would carry the credential.
 */
import { cut, done, failed, type ToolResult } from "./result.ts";
import type { ToolSettings } from "../settings.ts";

const MAX_REDIRECTS = 5;
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

export interface FetchInput {
  readonly url: string;
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
}

export interface FetchLimits extends Pick<ToolSettings, "fetchMs" | "outputBytes"> {
  /** Of the Messages API. */
  readonly refusedHost: string;
}

export async function fetchForModel(input: FetchInput, limits: FetchLimits, aborted: AbortSignal): Promise<ToolResult> {
  const method = (input.method ?? "GET").toUpperCase();
  if (!METHODS.has(method)) return failed(`method must be one of ${[...METHODS].join(", ")}`);
  const signal = AbortSignal.any([aborted, AbortSignal.timeout(limits.fetchMs)]);
  let url = parse(input.url, limits);
  if (typeof url === "string") return failed(url);
  try {
    for (let redirects = 0; ; redirects += 1) {
      const isFirst = redirects === 0;
      const answer = await fetch(url, {
        method: isFirst || method === "HEAD" ? method : "GET",
        redirect: "manual",
        signal,
        // Of the first host alone.
        ...(isFirst && input.headers !== undefined ? { headers: { ...input.headers } } : {}),
        ...(isFirst && input.body !== undefined && method !== "GET" && method !== "HEAD" ? { body: input.body } : {}),
      });
      const location = answer.headers.get("location");
      if (answer.status < 300 || answer.status > 399 || location === null) return await resultOf(answer, limits);
      await answer.body?.cancel();
      if (redirects === MAX_REDIRECTS) return failed(`more than ${MAX_REDIRECTS} redirects`);
      url = parse(new URL(location, url).href, limits);
      if (typeof url === "string") return failed(url);
    }
  } catch (error) {
    aborted.throwIfAborted();
    return failed(signal.aborted ? `no answer within ${limits.fetchMs / 1_000} s` : `not reached: ${describe(error)}`);
  }
}

/** The reason where it is refused. */
function parse(text: string, { refusedHost }: FetchLimits): URL | string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return "url must be an http or https URL";
  if (url.username !== "" || url.password !== "") return "url must have no credentials";
  // Names of Gantry's own are for this process.
  const host = url.hostname.replace(/\.+$/, "");
  if (host === refusedHost || /(^|\.)gantry\.internal$/.test(host)) {
    return `${host} is not for tools`;
  }
  return url;
}

async function resultOf(answer: Response, { outputBytes }: FetchLimits): Promise<ToolResult> {
  const type = answer.headers.get("content-type") ?? "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  // One byte more than is shown says whether there is more.
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > outputBytes) break;
  }
  const bytes = Buffer.concat(chunks);
  const isCut = bytes.length > outputBytes;
  const text = isCut
    ? `${cut(bytes.subarray(0, outputBytes), outputBytes)}\n[cut at ${outputBytes} bytes]`
    : cut(bytes, outputBytes);
  const said = `HTTP ${answer.status}${type === "" ? "" : `\ncontent-type: ${type}`}\n\n${text}`;
  return answer.status < 400 ? done(said) : failed(said);
}

function describe(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
