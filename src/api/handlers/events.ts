/** events of an application, oldest first, after a cursor. */
import * as z from "zod";
import type { StoredEvent } from "../../orchestrator/events.ts";
import { applicationStub } from "../../stubs.ts";
import { eventResult } from "../results/instance.ts";
import { defineRoute, type Call } from "../route.ts";
import { wireEvent } from "../wire/event.ts";
import { findApplication, findNamed } from "./lookup.ts";

const PER_PAGE = 100;
const MAX_PER_PAGE = 1_000;

const cursorQuery = {
  /** `id` of the last event seen; 0 for all that are kept. */
  after: z.coerce.number().int().min(0).default(0),
  per_page: z.coerce.number().int().min(1).max(MAX_PER_PAGE).default(PER_PAGE),
};

export const eventRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/events",
    tag: "Events",
    summary: "List the events of an application",
    query: z.strictObject(cursorQuery),
    result: z.array(eventResult),
    paged: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => await listEvents(call, findApplication(call)),
  }),
  defineRoute({
    method: "GET",
    path: "/events",
    tag: "Events",
    summary: "List the events of the application that the query names",
    query: z.strictObject({ ...cursorQuery, application: z.string().min(1).max(100) }),
    result: z.array(eventResult),
    paged: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => await listEvents(call, await findNamed(call, call.query.application)),
  }),
];

async function listEvents(call: Call<{ after: number; per_page: number }, null>, { id }: { readonly id: string }) {
  const { after, per_page: perPage } = call.query;
  const { events }: { events: StoredEvent[] } = await applicationStub(call.env, id).events(after, perPage);
  const last = events.at(-1);
  const more = events.length === perPage && last !== undefined ? { next_page_token: String(last.id) } : {};
  return {
    result: events.map(wireEvent),
    resultInfo: { per_page: perPage, page_token: String(after), count: events.length, ...more },
  };
}
