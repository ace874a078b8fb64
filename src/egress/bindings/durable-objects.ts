/**
 * Requests to objects of the control plane, as they are but for who is calling: headers of Gantry's are Gantry's own, and
 * what a container sends of those names reaches nobody.
 */
import { CALLER_HEADER } from "../../containers/refusal.ts";
import { callerHeader, type InternalCaller } from "../internal/identity.ts";
import { dropOwn } from "../upstream/headers.ts";
import { requireKey } from "./address.ts";
import type { BindingCall } from "./serve.ts";

const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);

export async function callObject(
  { request, address, authorize }: BindingCall,
  caller: InternalCaller,
  objects: () => DurableObjectNamespace,
): Promise<Response> {
  requireKey(address.key);
  // Over a WebSocket anything can be said.
  const isSocket = request.headers.get("upgrade")?.toLowerCase() === "websocket";
  const reads = READING.has(request.method) && !isSocket;
  authorize(reads ? "read" : "write");
  const passed = new Request(`http://do${address.rest}`, request);
  dropOwn(passed.headers);
  passed.headers.set(CALLER_HEADER, callerHeader(caller));
  return await objects().getByName(address.key).fetch(passed);
}
