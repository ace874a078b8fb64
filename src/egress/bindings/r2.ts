/** Keys of an R2 bucket by HTTP: which method does what. */
import { invalid } from "../../api/body.ts";
import { requireKey } from "./address.ts";
import { listObjects } from "./r2-list.ts";
import { readObject } from "./r2-read.ts";
import { writeObject } from "./r2-write.ts";
import { noQuery, notAllowed, queryBy } from "./requests.ts";
import type { BindingCall } from "./serve.ts";

export async function serveR2(call: BindingCall, bucket: () => R2Bucket): Promise<Response> {
  const { request, url, address, authorize } = call;
  const { key } = address;
  if (key === "" && request.method === "GET") return await listObjects(call, bucket);
  switch (request.method) {
    case "GET":
    case "HEAD": {
      requireKey(key);
      authorize("read");
      queryBy(noQuery, url);
      return await readObject(request, address, bucket());
    }
    case "PUT": {
      requireKey(key);
      authorize("write");
      queryBy(noQuery, url);
      return await writeObject(request, address, bucket());
    }
    case "DELETE": {
      requireKey(key);
      authorize("write");
      queryBy(noQuery, url);
      refuseConditions(request);
      await bucket().delete(key);
      return new Response(null, { status: 204 });
    }
    default: {
      throw notAllowed(request.method, key === "" ? "GET" : "GET, HEAD, PUT, DELETE");
    }
  }
}

/** R2 deletes regardless: what the condition was to protect would be lost. */
function refuseConditions({ headers }: Request): void {
  for (const name of ["if-match", "if-none-match", "if-unmodified-since"]) {
    if (headers.has(name)) throw invalid({ [name]: "is not possible on DELETE: R2 deletes regardless" });
  }
}
