/** Which handler a request is for: a table of paths, in which a part in braces is any one part of a path. */
import { ApiError } from "./api-error.ts";
import type { Call } from "./call.ts";

export type Handler = (call: Call) => Promise<void>;

export interface Route {
  /** `/api/downloads/{id}/events`; of metrics and logs too. */
  readonly path: string;
  /** By method; HEAD is GET without its body. */
  readonly handlers: Readonly<Partial<Record<"GET" | "POST" | "DELETE", Handler>>>;
  /** Counted against the limit of its client before it is handled. */
  readonly isCounted: boolean;
}

export interface Found {
  readonly route: Route;
  readonly parts: Readonly<Record<string, string>>;
}

export function findRoute(routes: readonly Route[], pathname: string): Found | null {
  const asked = pathname.split("/");
  for (const route of routes) {
    const parts = match(route.path.split("/"), asked);
    if (parts !== null) return { route, parts };
  }
  return null;
}

function match(pattern: readonly string[], asked: readonly string[]): Record<string, string> | null {
  if (pattern.length !== asked.length) return null;
  const parts: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const given = asked[index] ?? "";
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    if (name === undefined && part !== given) return null;
    if (name !== undefined) {
      const text = decoded(given);
      if (text === null || text === "") return null;
      parts[name] = text;
    }
  }
  return parts;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export function methodsOf({ handlers }: Route): string {
  const methods = Object.keys(handlers).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return [...methods, "OPTIONS"].join(", ");
}

/** Throws 405 with those that there are. */
export function handlerOf(route: Route, method: string): Handler {
  const handler = route.handlers[method === "HEAD" ? "GET" : (method as "GET")];
  if (Object.hasOwn(route.handlers, method === "HEAD" ? "GET" : method) && handler !== undefined) return handler;
  const message = `${method} is not possible here: there are ${methodsOf(route)}`;
  throw new ApiError(405, "METHOD_NOT_ALLOWED", message);
}
