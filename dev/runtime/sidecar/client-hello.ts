/**
 * Reads the first bytes of a TLS connection: which name it is for, and whether enough of it has arrived to tell.
 */

export type Hello =
  | { readonly kind: "incomplete" }
  /** Not TLS, or not a handshake that can be read. */
  | { readonly kind: "other" }
  | { readonly kind: "hello"; readonly serverName: string | undefined };

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const RECORD_HEADER = 5;
const OTHER: Hello = { kind: "other" };

export function readClientHello(bytes: Buffer): Hello {
  if (bytes.length === 0) return { kind: "incomplete" };
  if (bytes[0] !== HANDSHAKE_RECORD || (bytes.length > 1 && bytes[1] !== 3)) return OTHER;
  if (bytes.length < RECORD_HEADER || bytes.length < RECORD_HEADER + bytes.readUInt16BE(3))
    return { kind: "incomplete" };
  const record = bytes.subarray(RECORD_HEADER, RECORD_HEADER + bytes.readUInt16BE(3));
  if (record[0] !== CLIENT_HELLO) return OTHER;
  try {
    return { kind: "hello", serverName: serverNameOf(record) };
  } catch {
    // A length that points outside the record, as in a hello split over several records.
    return { kind: "hello", serverName: undefined };
  }
}

function serverNameOf(record: Buffer): string | undefined {
  // Handshake header (4), version (2), random (32), then three lists with their lengths.
  let at = 38;
  at += 1 + record.readUInt8(at);
  at += 2 + record.readUInt16BE(at);
  at += 1 + record.readUInt8(at);
  const end = at + 2 + record.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const type = record.readUInt16BE(at);
    const length = record.readUInt16BE(at + 2);
    // In it: list length (2), name type (1), name length (2), name.
    if (type === SERVER_NAME_EXTENSION) {
      const nameLength = record.readUInt16BE(at + 7);
      return record.toString("latin1", at + 9, at + 9 + nameLength).toLowerCase();
    }
    at += 4 + length;
  }
  return undefined;
}
