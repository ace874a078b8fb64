/** Asks the bucket for what the test asks it for. */

interface TestEnv {
  readonly BLOBS: R2Bucket;
}

export default {
  async fetch(request: Request, { BLOBS }: TestEnv): Promise<Response> {
    try {
      return await answer(request, BLOBS);
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};

async function answer(request: Request, bucket: R2Bucket): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const key = decodeURIComponent(pathname.slice(1));
  const number = (name: string) => Number(searchParams.get(name) ?? Number.NaN);
  if (searchParams.has("multipart")) return Response.json(await bucket.createMultipartUpload(key));
  if (key === "" && request.method === "GET") return await list(bucket, searchParams);
  switch (request.method) {
    case "PUT": {
      const body = searchParams.has("break") ? broken(request) : request.body;
      const sha256 = searchParams.get("sha256");
      const note = searchParams.get("note");
      const object = await bucket.put(key, body ?? new Uint8Array(0), {
        ...(sha256 === null ? {} : { sha256 }),
        ...(note === null ? {} : { customMetadata: { note }, httpMetadata: { contentType: "text/plain" } }),
      });
      return Response.json({ size: object?.size, etag: object?.etag });
    }
    case "DELETE":
      await bucket.delete(await request.json<string[]>());
      return new Response(null, { status: 204 });
    case "HEAD": {
      const object = await bucket.head(key);
      const sha256 = object?.checksums.toJSON().sha256 ?? "";
      const about = `${object?.httpMetadata?.contentType} ${object?.customMetadata?.["note"]} ${sha256}`;
      const headers = { "x-size": String(object?.size), "x-about": about };
      return new Response(null, { status: object === null ? 404 : 200, headers });
    }
    default: {
      const range = searchParams.has("suffix")
        ? { suffix: number("suffix") }
        : { offset: number("offset"), length: number("length") };
      if (searchParams.has("conditional")) await bucket.get(key, { onlyIf: { etagMatches: "no" } });
      const object = await bucket.get(key, searchParams.size > 0 ? { range } : {});
      return object === null ? new Response(null, { status: 404 }) : new Response(object.body);
    }
  }
}

/** As long as the request says, but for its second half. */
function broken(request: Request): ReadableStream {
  const { readable, writable } = new FixedLengthStream(Number(request.headers.get("content-length")));
  void (async () => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const writer = writable.getWriter();
    await writer.write(bytes.subarray(0, bytes.length / 2));
    await writer.abort(new Error("the client has gone"));
  })().catch(() => undefined);
  return readable;
}

async function list(bucket: R2Bucket, query: URLSearchParams): Promise<Response> {
  const [limit, cursor] = [query.get("limit"), query.get("cursor")];
  const page = await bucket.list({
    prefix: query.get("prefix") ?? "",
    ...(limit === null ? {} : { limit: Number(limit) }),
    ...(cursor === null ? {} : { cursor }),
  });
  return Response.json({ keys: page.objects.map(({ key }) => key), cursor: page.truncated ? page.cursor : null });
}
