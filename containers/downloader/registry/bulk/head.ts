/** The head of an answer of HTTP/1.1, and how its body ends. Strict: what could be read in two ways is not read. Pure. */

export type BodyEnd =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** With the connection. */
  | { readonly kind: "close" };

export interface Head {
  readonly status: number;
  readonly headers: Headers;
  readonly body: BodyEnd;
  /** The connection may be used again after the body. */
  readonly isKept: boolean;
}

export const MAX_HEAD_BYTES = 65_536;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: .*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** `text`: up to and without the empty line. Null for what is none. */
export function parseHead(text: string, method: string): Head | null {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minor, code] = STATUS_LINE.exec(first) ?? [];
  if (minor === undefined || code === undefined) return null;
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    try {
      headers.append(name, value);
    } catch {
      return null;
    }
  }
  const status = Number(code);
  const body = bodyEnd(status, headers, method);
  if (body === null) return null;
  const connection = (headers.get("connection") ?? "").toLowerCase();
  const isKept = body.kind !== "close" && minor === "1" && !/(?:^|,)\s*close\s*(?:,|$)/.test(connection);
  return { status, headers, body, isKept };
}

function bodyEnd(status: number, headers: Headers, method: string): BodyEnd | null {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "length", length: 0 };
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== null) return length === null && coding.trim().toLowerCase() === "chunked" ? { kind: "chunked" } : null;
  if (length === null) return { kind: "close" };
  // Said twice, it has to be the same.
  const [said = "", ...again] = length.split(",").map((one) => one.trim());
  if (!/^\d{1,15}$/.test(said) || again.some((one) => one !== said)) return null;
  return { kind: "length", length: Number(said) };
}
