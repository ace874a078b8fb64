/**
 * What the socket proxy must know about a request from its first lines: whether it creates a container, where its body
 * ends, and whether the connection stops being HTTP after it.
 */
export interface RequestHead {
  readonly createsContainer: boolean;
  /** From here on both sides speak something else: bytes pass unread. */
  readonly hijacks: boolean;
  readonly body:
    | { readonly type: "none" }
    | { readonly type: "length"; readonly length: number }
    | { readonly type: "chunked" };
  readonly expectsContinue: boolean;
}

const CREATE = /^POST (?:\/v[\d.]+)?\/containers\/create(?:\?\S*)? HTTP\/1\.1$/;

// Clients of old API versions hijack these without an Upgrade header.
const HIJACKING =
  /^(?:POST|GET) (?:\/v[\d.]+)?\/(?:containers\/[^/\s?]+\/attach(?:\/ws)?|exec\/[^/\s?]+\/start|session|grpc)(?:\?\S*)? /;

/** `text` is the head up to and without its empty line. */
export function readRequestHead(text: string): RequestHead {
  const [requestLine = "", ...lines] = text.split("\r\n");
  if (!/^[A-Z]+ \S+ HTTP\/1\.[01]$/.test(requestLine)) throw new Error("bad request line");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const createsContainer = CREATE.test(requestLine);
  return {
    createsContainer,
    hijacks: headers.has("upgrade") || HIJACKING.test(requestLine),
    body: bodyOf(headers),
    expectsContinue: headers.get("expect")?.toLowerCase() === "100-continue",
  };
}

function bodyOf(headers: ReadonlyMap<string, string>): RequestHead["body"] {
  if (headers.get("transfer-encoding")?.toLowerCase().endsWith("chunked") === true) return { type: "chunked" };
  const length = headers.get("content-length") ?? "0";
  if (!/^\d{1,15}$/.test(length)) throw new Error("bad content length");
  return length === "0" ? { type: "none" } : { type: "length", length: Number(length) };
}

/** The same head for a body of another length. */
export function withBodyLength(text: string, length: number): string {
  const kept = text
    .split("\r\n")
    .filter((line) => !/^(?:content-length|transfer-encoding|expect|trailer)\s*:/i.test(line));
  return [...kept, `Content-Length: ${length}`, "", ""].join("\r\n");
}
