/**
 * Where requests of containers come out that the platform intercepts. Who is calling is in `props`, set when the
 * interception was registered: nothing that a container sends can change it.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { serveBridge } from "../bridge/router.ts";
import { bridgeDeps } from "../bridge/wiring.ts";
import type { Workload } from "../bridge/workload.ts";
import { errorResponse } from "../api/envelope.ts";
import { GantryError } from "../errors.ts";
import { CONTROL_HOST } from "./hosts.ts";

export class Egress extends WorkerEntrypoint<Env, Workload> {
  override async fetch(request: Request): Promise<Response> {
    const host = new URL(request.url).hostname.replace(/\.$/, "");
    if (host === CONTROL_HOST) {
      return await serveBridge(request, { workload: this.ctx.props, isToken: false }, bridgeDeps(this.env));
    }
    const message = `requests of containers to ${host.slice(0, 253)} are denied: only ${CONTROL_HOST} is there`;
    return errorResponse(new GantryError("EGRESS_DENIED", message, { host: host.slice(0, 253) }));
  }
}
