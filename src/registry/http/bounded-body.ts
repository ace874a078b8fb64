/** A body that is kept in memory, up to a limit. */
import { joined } from "../../encoding.ts";
import { BodyCut, BodyReader } from "../blobs/body-reader.ts";
import { OciError } from "../oci/oci-error.ts";

export async function readBounded(request: Request, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const stated = Number(request.headers.get("content-length") ?? 0);
  if (stated > most) throw tooLarge(most);
  const reader = new BodyReader(request.body);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    let piece = await reader.piece(most + 1);
    while (piece !== null) {
      size += piece.length;
      if (size > most) {
        await reader.cancel("it is too large");
        throw tooLarge(most);
      }
      chunks.push(piece.slice());
      piece = await reader.piece(most + 1 - size);
    }
  } catch (error) {
    if (error instanceof BodyCut) throw new OciError("SIZE_INVALID", "the body ended before its end");
    throw error;
  }
  return joined(...chunks);
}

function tooLarge(most: number): OciError {
  return new OciError("SIZE_INVALID", `a manifest has at most ${most} bytes`, { status: 413 });
}
