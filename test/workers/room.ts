/** An object of whoever runs the control plane, as containers may be granted it. */
import { DurableObject } from "cloudflare:workers";

export class Room extends DurableObject {
  override async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/fails") throw new Error("the room is closed");
    if (pathname === "/echo") return new Response(request.body, { status: 201, headers: { "x-room": "yes" } });
    if (request.headers.get("upgrade") === "websocket") return this.#greet();
    const headers = Object.fromEntries(request.headers);
    return Response.json({ name: this.ctx.id.name, method: request.method, path: `${pathname}${search}`, headers });
  }

  #greet(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(`${this.ctx.id.name}: ${String(data)}`));
    return new Response(null, { status: 101, webSocket: client });
  }
}
