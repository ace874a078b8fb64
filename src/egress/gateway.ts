/**
 * Where requests of containers come out that the platform intercepts. Who is calling is in `props`, set when the
 * interception was registered: nothing that a container sends can change it.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { serveBridge } from "../bridge/router.ts";
import { bridgeDeps } from "../bridge/wiring.ts";
import type { Workload } from "../bridge/workload.ts";
import { refusalAnswer } from "../containers/refusal-answer.ts";
import { CONTROL_HOST } from "./hosts.ts";
import { serveEgress } from "./serve.ts";

export class Egress extends WorkerEntrypoint<Env, Workload> {
  override async fetch(request: Request): Promise<Response> {
    const workload = this.ctx.props;
    // What is no URL, as a path without a slash makes it, is denied like anything else that cannot be read.
    const host = URL.parse(request.url)?.hostname.replace(/\.$/, "");
    if (host === CONTROL_HOST) return await serveBridge(request, { workload, isToken: false }, bridgeDeps(this.env));
    try {
      return await serveEgress(request, workload, this.env, this.ctx);
    } catch (error) {
      return refusalAnswer(error, request.method);
    }
  }
}
