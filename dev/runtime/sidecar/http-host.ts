/**
 * Reads the first bytes of a plain connection: the name in the Host header, and whether enough arrived to tell.
 */

export type Head =
  | { readonly kind: "incomplete" }
  | { readonly kind: "other" }
  | { readonly kind: "http"; readonly hostname: string | undefined };

const REQUEST_LINE = /^[A-Z]{1,20} \S{1,65536} HTTP\/1\.[01]\r?\n/;
const METHOD_START = /^[A-Z]{1,20}(?: |$)/;
const HOST_HEADER = /\nhost:[ \t]*([^\r\n]*?)[ \t]*\r?\n/i;
const HEAD_LIMIT = 64 * 1024;

export function readHttpHead(bytes: Buffer): Head {
  const text = bytes.toString("latin1", 0, Math.min(bytes.length, HEAD_LIMIT));
  if (text !== "" && !METHOD_START.test(text)) return { kind: "other" };
  const end = text.search(/\r?\n\r?\n/);
  if (end === -1) return { kind: bytes.length >= HEAD_LIMIT ? "other" : "incomplete" };
  if (!REQUEST_LINE.test(text)) return { kind: "other" };
  const host = HOST_HEADER.exec(text.slice(0, end + 2))?.[1];
  return { kind: "http", hostname: host === undefined ? undefined : withoutPort(host) };
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, "");
}
