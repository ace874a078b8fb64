/** Workers that the control plane is bound to, as its users have them: functions of a bridge, hooks, stand-ins of hosts. */
import { WorkerEntrypoint } from "cloudflare:workers";

interface FunctionMessage {
  readonly functionPath: string;
  readonly args: unknown;
  readonly kind: string;
  readonly caller: { readonly application: string };
}

/** What `Functions` was called with. */
export const functionCalls: FunctionMessage[] = [];

export class Functions extends WorkerEntrypoint {
  async bridgeCall(message: FunctionMessage): Promise<unknown> {
    functionCalls.push(message);
    switch (message.functionPath) {
      case "stock:take": {
        throw Object.assign(new Error("none left"), { code: "OUT_OF_STOCK", details: { sku: 7 } });
      }
      case "plain:failure": {
        throw new Error("something else");
      }
      case "much": {
        return "x".repeat(2_000_000);
      }
      case "nothing": {
        return undefined;
      }
      default: {
        return { echo: message.args, kind: message.kind, caller: message.caller };
      }
    }
  }
}

export interface HeardEvent {
  readonly application: string;
  readonly instance: string;
  readonly name: string | null;
  readonly generation: number;
  readonly type: string;
}

/** What hooks have heard, also where they failed then. */
export const heardEvents: HeardEvent[] = [];
/** So many times the hooks of an application fail, or never return. */
export const hookFailures = new Map<string, number>();

export class ContainerEvents extends WorkerEntrypoint {
  async containerEvent(event: HeardEvent): Promise<void> {
    heardEvents.push(event);
    const failures = hookFailures.get(event.application) ?? 0;
    if (failures === 0) return;
    hookFailures.set(event.application, failures - 1);
    throw new Error("the hook has failed");
  }
}

/** Neither functions nor hooks. */
export class Silent extends WorkerEntrypoint {
  override fetch(): Response {
    return new Response("nobody listens here");
  }
}

interface EgressCaller {
  readonly application: string;
  readonly instance: string;
}

/** Stands in for a host, as the path says. */
export class StandIn extends WorkerEntrypoint {
  async egress(request: Request, caller: EgressCaller): Promise<unknown> {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/stream": {
        return new Response(request.body, {
          status: 203,
          headers: { "x-caller": encodeURIComponent(JSON.stringify(caller)) },
        });
      }
      case "/rewrite": {
        return new Request(`http://rewritten.test${url.search}`, request);
      }
      case "/pass": {
        return request;
      }
      case "/nothing": {
        return 7;
      }
      case "/unsendable": {
        return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] });
      }
      default: {
        throw new Error("not today");
      }
    }
  }
}

/** Knows of egress nothing, and answers whoever asks. */
export class PlainStandIn extends WorkerEntrypoint {
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      server.accept();
      server.send("hello");
      return new Response(null, { status: 101, webSocket: client });
    }
    const headers = Object.fromEntries(request.headers);
    return Response.json({ url: request.url, method: request.method, headers, body: await request.text() });
  }
}

/** A secret of Cloudflare's Secrets Store, which is bound as a Worker with this one method. */
export class StoreSecret extends WorkerEntrypoint {
  get(): string {
    return "of the store";
  }
}
