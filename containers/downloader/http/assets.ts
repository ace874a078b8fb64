/** The page's files, compressed once for each way in which they are asked for. */
import { PAGE_POLICY, type PageAsset } from "../page/assets.ts";
import type { Call } from "./call.ts";
import { acceptedEncoding, compressed, isWorthIt, type Encoding } from "./compression.ts";
import { setPageHeaders } from "./headers.ts";
import type { Route } from "./router.ts";

export function assetRoutes(assets: readonly PageAsset[]): Route[] {
  return assets.map((asset) => {
    const encoded = new Map<Encoding, Promise<Buffer>>();
    return {
      path: asset.path,
      isCounted: false,
      handlers: { GET: async (call) => await serveAsset(call, asset, encoded) },
    };
  });
}

async function serveAsset(
  { request, response }: Call,
  { type, bytes, etag, cacheControl }: PageAsset,
  encoded: Map<Encoding, Promise<Buffer>>,
): Promise<void> {
  setPageHeaders(response, PAGE_POLICY);
  const encoding = isWorthIt(type, bytes.length) ? acceptedEncoding(request.headers["accept-encoding"]) : null;
  // Another representation has another ETag.
  const tag = encoding === null ? etag : etag.replace(/"$/, `-${encoding}"`);
  response.setHeader("vary", "accept-encoding");
  response.setHeader("cache-control", cacheControl);
  response.setHeader("etag", tag);
  if (request.headers["if-none-match"]?.split(",").some((one) => one.trim().replace(/^W\//, "") === tag)) {
    response.writeHead(304).end();
    return;
  }
  let body = bytes;
  if (encoding !== null) {
    const work = encoded.get(encoding) ?? compressed(encoding, bytes);
    encoded.set(encoding, work);
    body = await work;
    response.setHeader("content-encoding", encoding);
  }
  response.writeHead(200, { "content-type": type, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}
