/** A blob in chunks, as the specification says: in order, out of order and recovering, the last one in the closing PUT. */
import { type Answer, locationOf, type Repository, withQuery } from "./target.ts";

const CHUNK = 1_024;

export interface ChunkOptions {
  /** Before each chunk, one that does not begin where the upload ends. */
  readonly isOutOfOrder?: boolean;
  readonly putsLast?: boolean;
  /** Bytes of a chunk. */
  readonly size?: number;
}

/** The answer to the request that closes it. Throws at the first answer before it that is none of the specification's. */
export async function chunked(
  repository: Repository,
  digest: string,
  bytes: Buffer,
  { isOutOfOrder = false, putsLast = false, size = CHUNK }: ChunkOptions,
): Promise<Answer> {
  const { target } = repository;
  let location = await repository.startUpload();
  const send = (first: number) => {
    const end = Math.min(first + size, bytes.byteLength);
    const isClosing = putsLast && end === bytes.byteLength;
    const url = isClosing ? withQuery(location, { digest }) : location;
    const headers = { "content-type": "application/octet-stream", "content-range": `${first}-${end - 1}` };
    return target.ask(isClosing ? "PUT" : "PATCH", url, { headers, body: bytes.subarray(first, end) });
  };
  for (let first = 0; first < bytes.byteLength; first += size) {
    if (isOutOfOrder) location = await refused(repository, send, location, first, bytes.byteLength, size);
    const answer = await send(first);
    const isLast = first + size >= bytes.byteLength;
    if (isLast && putsLast) return answer;
    location = locationOf(answer, 202);
    const stored = `0-${Math.min(first + size, bytes.byteLength) - 1}`;
    if (answer.headers["range"] !== stored) throw new Error(`Range ${answer.headers["range"]} in place of ${stored}`);
  }
  return await repository.close(location, digest);
}

/** Where the upload goes on after a chunk that came out of order. */
async function refused(
  { target }: Repository,
  send: (first: number) => Promise<Answer>,
  location: string,
  next: number,
  total: number,
  size: number,
): Promise<string> {
  const wrong = next + size < total ? next + size : 0;
  const answer = await send(wrong);
  if (answer.status !== 416) throw new Error(`${answer.status} in place of 416 for a chunk that begins at ${wrong}`);
  const state = await target.ask("GET", location);
  const on = locationOf(state, 204);
  const { range } = state.headers;
  if (next > 0 && range !== `0-${next - 1}`) throw new Error(`Range ${range} after ${next} bytes`);
  if (range?.startsWith("0-") !== true) throw new Error(`Range ${range}`);
  return on;
}
