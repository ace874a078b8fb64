/** What containers print: of one instance, of all of an application, and of the attempts of a job; as pages, or followed. */
import * as z from "zod";
import { parseCursor, type LogCursor } from "../../logs/cursor.ts";
import type { LogEntry } from "../../logs/entry.ts";
import { matches, orderKey, sorted } from "../../logs/filter.ts";
import { invalid } from "../body.ts";
import type { Answer } from "../envelope.ts";
import { liveServices, noLogs, readInstanceLogs, readJobLogs, readLogsOf, unavailable, type Read } from "../logs.ts";
import { decodePageToken, pageOf } from "../pagination.ts";
import { logsResult } from "../results/logs.ts";
import { defineRoute, type Call } from "../route.ts";
import {
  applicationLogsQuery,
  instanceLogsQuery,
  logFilterOf,
  refuseMixtures,
  type LogsQuery,
} from "../schemas/logs.ts";
import { followLogs } from "../streams/log-stream.ts";
import { wireLogEntry } from "../wire/logs.ts";
import { readInstance, readInstances } from "./instances.ts";
import { findApplication } from "./lookup.ts";

type LogsCall = Call<LogsQuery, null>;

export const logRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances/:instance_id/logs",
    tag: "Logs",
    summary: "What an instance's container has printed, or prints, where its image has the init",
    query: z.strictObject(instanceLogsQuery),
    result: logsResult,
    paged: true,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND", "LOGS_NOT_AVAILABLE"],
    run: async (call) => await ofInstance(call, call.params["instance_id"] ?? ""),
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/logs",
    tag: "Logs",
    summary: "What the instances of an application have printed, or print, in the order of time; or what a job has",
    query: z.strictObject(applicationLogsQuery),
    result: logsResult,
    paged: true,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND", "JOB_NOT_FOUND", "LOGS_NOT_AVAILABLE"],
    run: async (call) => {
      const { instance, job } = call.query;
      refuseMixtures(call.query);
      if (job !== undefined) return page(call, await readJobLogs(call.env, findApplication(call).id, job), []);
      return instance === undefined ? await ofApplication(call) : await ofInstance(call, instance);
    },
  }),
];

async function ofInstance(call: LogsCall, key: string): Promise<Answer | Response> {
  const { env, query } = call;
  refuseMixtures(query);
  const { id } = findApplication(call);
  const named = { env, params: { instance_id: key } };
  const look = () => readInstance(named, id).then((view) => [view]);
  const first = await readInstanceLogs(env, await readInstance(named, id));
  if (first.why !== null) throw noLogs(key.slice(0, 100), first.why);
  return query.follow === "true" ? follow(call, [first], look, true) : page(call, first.entries, []);
}

async function ofApplication(call: LogsCall): Promise<Answer | Response> {
  const { env, query } = call;
  const { id } = findApplication(call);
  const look = async () => liveServices(await readInstances(env, id));
  const reads = await readLogsOf(env, await look());
  const missing = reads.filter(({ why }) => why !== null && why !== "not_running");
  const [{ view, why } = { view: null, why: null }] = missing;
  if (view !== null && why !== null && missing.length === reads.length) throw noLogs(view.instanceId, why);
  if (query.follow === "true") return follow(call, reads, look, false);
  return page(
    call,
    reads.flatMap(({ entries }) => entries),
    missing,
  );
}

function page({ query }: LogsCall, entries: readonly LogEntry[], missing: readonly Read[]): Answer {
  const { limit, order = "newest", page_token: token } = query;
  const filter = logFilterOf(query, Date.now());
  const after = decodePageToken(token);
  const isDue = (key: string) => after === "" || (order === "newest" ? key < after : key > after);
  const wanted = sorted(
    entries.filter((entry) => matches(entry, filter)),
    order,
  ).filter((entry) => isDue(orderKey(entry)));
  const { page: found, info } = pageOf(wanted, limit, token, orderKey);
  const without = missing.flatMap(({ view, why }) => (why === null ? [] : [unavailable(view.instanceId, why)]));
  return { result: { entries: found.map(wireLogEntry), unavailable: without }, resultInfo: info };
}

function follow(
  call: LogsCall,
  reads: readonly Read[],
  look: () => Promise<Read["view"][]>,
  isOneInstance: boolean,
): Response {
  const { env, query, request } = call;
  const filter = logFilterOf(query, Date.now());
  return followLogs({ env, filter, limit: query.limit, look, isOneInstance, cursor: cursorOf(request) }, reads);
}

/** What a client that comes back has seen. */
function cursorOf(request: Request): LogCursor | null {
  const id = request.headers.get("last-event-id");
  if (id === null || id === "") return null;
  const cursor = parseCursor(id);
  if (cursor !== null) return cursor;
  throw invalid({ "Last-Event-ID": "is not the id of an event of this stream: leave the header out to begin anew" });
}
