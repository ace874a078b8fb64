/** gzip or br of texts, as the client takes it. Archives are compressed already, and their ranges are of what is sent. */
import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";

/** Below this the headers cost more than what is saved. */
const MIN_BYTES = 1_024;
const TEXTS = /^(?:text\/|application\/(?:[\w.-]+\+)?json\b|image\/svg\+xml)/;
const QUICK_BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

export type Encoding = "br" | "gzip";

/** The one that the client likes best, br of two that it likes as much; null: as it is. */
export function acceptedEncoding(header: string | undefined): Encoding | null {
  const weights = new Map<string, number>();
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    const weight = parameters.find((text) => text.startsWith("q="));
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)) || 0);
  }
  const any = weights.get("*") ?? 0;
  const br = weights.get("br") ?? any;
  const gz = weights.get("gzip") ?? weights.get("x-gzip") ?? any;
  if (br === 0 && gz === 0) return null;
  return br >= gz ? "br" : "gzip";
}

export function isWorthIt(type: string, bytes: number): boolean {
  return bytes >= MIN_BYTES && TEXTS.test(type);
}

export async function compressed(encoding: Encoding, bytes: Buffer): Promise<Buffer> {
  return encoding === "br"
    ? await promisify(brotliCompress)(bytes, QUICK_BROTLI)
    : await promisify(gzip)(bytes, { level: 6 });
}
