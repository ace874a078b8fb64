/**
 * A Worker that calls containers through its binding to Gantry:
 *
 *     /any/…          any ready member of the pool
 *     /pool/…         the same, and another one where the first fails
 *     /rooms/<id>/…   the container of one room, HTTP and WebSocket alike
 *     /state/<id>     how that container is
 *     /ask/<id>?text= one message to its WebSocket and the answer
 */
import { createContainers, GantryError, type GantryBinding } from "gantry";
import type * as containers from "./containers.ts";

export interface Env {
  readonly GANTRY: GantryBinding;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await route(request, env);
    } catch (error) {
      // No container has answered: status, reason and `retry-after` are Gantry's.
      if (GantryError.is(error)) return error.toResponse();
      throw error;
    }
  },
};

async function route(request: Request, env: Env): Promise<Response> {
  const { hello } = createContainers<typeof containers>(env.GANTRY);
  const url = new URL(request.url);
  const [kind, ...rest] = url.pathname.slice(1).split("/");
  switch (kind) {
    case "any":
      return await hello.any().fetch(inside(request, rest));
    case "pool":
      return await hello.pool({ attempts: 3 }).fetch(inside(request, rest));
    case "rooms": {
      const [id = "", ...path] = rest;
      return await room(hello, id).fetch(inside(request, path));
    }
    case "state":
      return Response.json(await room(hello, rest[0] ?? "").getState());
    case "ask":
      return new Response(await ask(hello, rest[0] ?? "", url.searchParams.get("text") ?? ""));
    default:
      return new Response("not found", { status: 404 });
  }
}

type Hello = ReturnType<typeof createContainers<typeof containers>>["hello"];

/** The prefix keeps users' names apart from whatever else is called by name. */
function room(hello: Hello, id: string) {
  return hello.get(`room-${id}`);
}

async function ask(hello: Hello, id: string, text: string): Promise<string> {
  const socket = await room(hello, id).connect("/ws");
  socket.send(text);
  for await (const message of socket) {
    socket.close(1000);
    return typeof message === "string" ? message : new TextDecoder().decode(message);
  }
  return "";
}

/** The same request, for the path that the container knows. */
function inside(request: Request, path: readonly string[]): Request {
  const url = new URL(request.url);
  url.pathname = `/${path.join("/")}`;
  return new Request(url, request);
}
