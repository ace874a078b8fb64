/**
 * Events of an application, oldest first, after a cursor: as a list, as `text/event-stream`, or over a WebSocket. All
 * three take the same cursor and the same filters, and refuse a cursor that is no longer kept.
 */
import * as z from "zod";
import { EVENT_TYPES, type EventFilter, type EventPage } from "../../orchestrator/events.ts";
import { acceptedSocket, watchRequest } from "../../orchestrator/watch-request.ts";
import { applicationStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { WEBSOCKET_PROTOCOL } from "../credentials.ts";
import type { Answer } from "../envelope.ts";
import { eventResult } from "../results/instance.ts";
import { defineRoute, type Call } from "../route.ts";
import { openFeed } from "../streams/event-feed.ts";
import { serverSentEvents } from "../streams/server-sent-events.ts";
import { wireEvent } from "../wire/event.ts";
import { findApplication, findNamed } from "./lookup.ts";

const PER_PAGE = 100;
const MAX_PER_PAGE = 1_000;
const CURSOR = /^\d{1,15}$/;

const eventQuery = {
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(999_999_999_999_999)
    .optional()
    .describe("Events after this one: the `id` of the last event seen. 0, the default, for all that are kept."),
  type: z
    .array(z.enum(EVENT_TYPES))
    .max(EVENT_TYPES.length)
    .optional()
    .describe("Events of this type only; may be repeated. All types by default."),
  name: z
    .array(z.string().regex(/^[A-Za-z0-9]{1,50}$/, "must be 1 to 50 letters and digits, such as ContainerStarted"))
    .max(10)
    .optional()
    .describe("Events of this name only; may be repeated up to 10 times. All names by default."),
  deployment: z.string().min(1).max(100).optional().describe("Events of the deployment with this id only."),
  since: z.iso
    .datetime({ offset: true, error: "must be a time such as 2026-01-31T12:00:00Z" })
    .optional()
    .describe("Events from this time on. No limit by default."),
  per_page: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PER_PAGE)
    .optional()
    .describe(`Events in one answer of a list, ${PER_PAGE} by default.`),
  page_token: z
    .string()
    .regex(CURSOR, "is not a token of this list: take next_page_token of an earlier answer")
    .optional()
    .describe("`next_page_token` of an earlier answer of a list; the same as `after`."),
};

const applicationEventQuery = z.strictObject(eventQuery);
const namedEventQuery = z.strictObject({
  ...eventQuery,
  application: z.string().min(1).max(100).describe("Id or name of the application whose events are wanted."),
});
type EventQuery = z.output<typeof applicationEventQuery>;

const ERRORS = ["APPLICATION_NOT_FOUND", "CURSOR_EXPIRED", "TOO_MANY_WATCHERS"] as const;

export const eventRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/events",
    tag: "Events",
    summary: "List the events of an application, or watch them as server-sent events or over a WebSocket",
    query: applicationEventQuery,
    result: z.array(eventResult),
    paged: true,
    errors: ERRORS,
    run: async (call) => await events(call, findApplication(call).id),
  }),
  defineRoute({
    method: "GET",
    path: "/events",
    tag: "Events",
    summary: "List, or watch, the events of the application that the query names",
    query: namedEventQuery,
    result: z.array(eventResult),
    paged: true,
    errors: ERRORS,
    run: async (call) => await events(call, (await findNamed(call, call.query.application)).id),
  }),
];

type EventCall = Call<EventQuery, null>;

async function events(call: EventCall, applicationId: string): Promise<Answer | Response> {
  const { request } = call;
  if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return await webSocket(call, applicationId);
  const wantsStream = /\btext\/event-stream\b/i.test(request.headers.get("accept") ?? "");
  // HEAD has no body to stream.
  return wantsStream && request.method === "GET" ? await sse(call, applicationId) : await list(call, applicationId);
}

async function list({ env, query }: EventCall, applicationId: string): Promise<Answer> {
  const { after, page_token: pageToken, per_page: perPage = PER_PAGE } = query;
  if (after !== undefined && pageToken !== undefined) throw invalid({ page_token: "is the same as after: give one" });
  const cursor = after ?? Number(pageToken ?? 0);
  const page: EventPage = await applicationStub(env, applicationId).events(cursor, perPage + 1, filterOf(query));
  const found = page.events.slice(0, perPage);
  const last = found.at(-1);
  const more = page.events.length > perPage && last !== undefined ? { next_page_token: String(last.id) } : {};
  return {
    result: found.map(wireEvent),
    resultInfo: { per_page: perPage, page_token: String(cursor), count: found.length, ...more },
  };
}

async function sse({ env, query, request }: EventCall, applicationId: string): Promise<Response> {
  refusePages(query);
  const cursor = lastEventId(request) ?? query.after ?? 0;
  const filter = filterOf(query);
  const open = (after: string) => openFeed(env, applicationId, { cursor: Number(after), filter });
  return serverSentEvents(await open(String(cursor)), String(cursor), open);
}

async function webSocket({ env, query, request }: EventCall, applicationId: string): Promise<Response> {
  refusePages(query);
  const watch = watchRequest({ cursor: query.after ?? 0, filter: filterOf(query) });
  const socket = await acceptedSocket(await applicationStub(env, applicationId).fetch(watch));
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  // A browser that offers protocols takes no answer without one of them.
  const headers: Record<string, string> = offered.some((protocol) => protocol.trim() === WEBSOCKET_PROTOCOL)
    ? { "sec-websocket-protocol": WEBSOCKET_PROTOCOL }
    : {};
  return new Response(null, { status: 101, webSocket: socket, headers });
}

function refusePages(query: EventQuery): void {
  if (query.per_page !== undefined) throw invalid({ per_page: "is for lists: a stream has no pages" });
  if (query.page_token !== undefined) throw invalid({ page_token: "is for lists: a stream takes after" });
}

/** What a client that comes back has seen; it stands above the URL's `after`, which is where it once began. */
function lastEventId(request: Request): number | null {
  const id = request.headers.get("last-event-id");
  if (id === null || id === "") return null;
  if (CURSOR.test(id)) return Number(id);
  throw invalid({ "Last-Event-ID": "is not the id of an event of this stream: leave the header out to begin anew" });
}

function filterOf({ type, name, deployment, since }: EventQuery): EventFilter {
  return { types: type, names: name, deployment, since: since === undefined ? undefined : Date.parse(since) };
}
