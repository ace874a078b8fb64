/**
 * The request with which the Worker opens a WebSocket on an Application, and the answer that refuses one: an upgrade is
 * the one call of an object that cannot be an RPC.
 */
import { ERRORS, GantryError, type ErrorCode, type ErrorDetails } from "../errors.ts";
import type { EventFilter } from "./events.ts";

export interface Watch {
  readonly cursor: number;
  readonly filter: EventFilter;
}

export function watchRequest(watch: Watch): Request {
  const url = new URL("http://application/events");
  url.searchParams.set("watch", JSON.stringify(watch));
  return new Request(url, { headers: { upgrade: "websocket" } });
}

export function watchOf(request: Request): Watch {
  // Made by `watchRequest` only: nothing from outside gets here as it was sent.
  return JSON.parse(new URL(request.url).searchParams.get("watch") ?? "{}") as Watch;
}

/** What is no error of the domain is thrown on. */
export function refusalOf(error: unknown): Response {
  if (!GantryError.is(error)) throw error;
  const { code, message, details } = error;
  return Response.json({ code, message, details }, { status: ERRORS[code].status });
}

/** The socket, or the error that `refusalOf` wrote down. */
export async function acceptedSocket(response: Response): Promise<WebSocket> {
  if (response.webSocket) return response.webSocket;
  const { code, message, details } = await response.json<{
    code: ErrorCode;
    message: string;
    details: ErrorDetails;
  }>();
  throw new GantryError(code, message, details);
}
