/** One request on its way: what it asks for, where its answer goes, and what is to be said of it in the log. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyParameters, queryParameters, type Parameters } from "./body.ts";

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Of the path, by name. */
  readonly parts: Readonly<Record<string, string>>;
  /** For the log: never what a password has opened. */
  readonly notes: Record<string, string | number>;
  /** Counts it for its client; throws when that has asked too often. */
  readonly admit: () => Promise<void>;
}

/** Of the query, and for POST of the body instead: there is one place for each. */
export async function parametersOf({ request, url }: Call): Promise<Parameters> {
  const query = queryParameters(url.searchParams);
  return request.method === "POST" ? await bodyParameters(request) : query;
}
