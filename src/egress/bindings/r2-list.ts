/** GET of a bucket: its keys, as far as they are granted. */
import * as z from "zod";
import { requireLength } from "./address.ts";
import { queryBy } from "./requests.ts";
import type { BindingCall } from "./serve.ts";

const query = z.strictObject({
  prefix: z.string().default(""),
  delimiter: z.string().min(1).max(100).optional(),
  cursor: z.string().min(1).max(4_096).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
  include: z.enum(["metadata"], "must be metadata, or left out").optional(),
});

export async function listObjects({ url, listed }: BindingCall, bucket: () => R2Bucket): Promise<Response> {
  const { prefix: asked, delimiter, cursor, limit, include } = queryBy(query, url);
  requireLength("r2", "prefix", asked);
  const prefix = listed(asked);
  const page = await bucket().list({
    prefix,
    limit,
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(include === undefined ? {} : { include: ["httpMetadata", "customMetadata"] }),
  });
  // A cursor is whatever the container sends: what it leads to has to be within the prefix all the same.
  const isWithin = (name: string) => name.startsWith(prefix);
  return Response.json({
    prefix,
    objects: page.objects.filter(({ key }) => isWithin(key)).map((object) => viewOf(object, include !== undefined)),
    prefixes: page.delimitedPrefixes.filter(isWithin),
    cursor: page.truncated ? page.cursor : null,
  });
}

function viewOf({ key, size, httpEtag, uploaded, httpMetadata, customMetadata }: R2Object, isFull: boolean) {
  const short = { key, size, etag: httpEtag, uploaded };
  return isFull ? { ...short, httpMetadata: httpMetadata ?? {}, customMetadata: customMetadata ?? {} } : short;
}
