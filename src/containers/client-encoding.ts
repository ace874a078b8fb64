/**
 * Which encodings a client has named. On its way here a request is given `Accept-Encoding: br, gzip`, whatever its client
 * takes: a container that goes by that would compress for `curl`, which shows the bytes as they come.
 */

/** Whether it has named none, by what the platform says of the request. Unknown is no. */
export function namesNoEncoding(request: Request): boolean {
  return request.cf?.["clientAcceptEncoding"] === "" && request.headers.has("accept-encoding");
}
