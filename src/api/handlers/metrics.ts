/** `/metrics` for Prometheus: at the root, where scrapers look, and below the account. */
import * as z from "zod";
import type { ApplicationEntry } from "../../account/applications.ts";
import { collectMetrics } from "../../metrics/collect.ts";
import { CONTENT_TYPE } from "../../metrics/exposition.ts";
import { accountStub } from "../../stubs.ts";
import { defineRoute, type Call } from "../route.ts";
import { mayReach } from "../scopes.ts";
import { findNamed } from "./lookup.ts";

const PAGE = 1_000;

const metricsQuery = z.strictObject({
  application: z
    .array(z.string().min(1).max(100))
    .max(100)
    .optional()
    .describe("Id or name of an application; may be repeated. Only these, and nothing of the account. All by default."),
  instance_costs: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true` also asks each instance's object for the rows that it has written: one more call each."),
});

type MetricsCall = Call<z.output<typeof metricsQuery>, null>;

const shared = {
  method: "GET",
  path: "/metrics",
  tag: "Metrics",
  query: metricsQuery,
  result: null,
  errors: ["APPLICATION_NOT_FOUND"],
  run: async (call: MetricsCall) => await metrics(call),
} as const;

export const metricsRoutes = [
  defineRoute({ ...shared, summary: "Metrics of an account in Prometheus' text format" }),
  defineRoute({ ...shared, base: "root", summary: "Metrics of the token's account in Prometheus' text format" }),
];

async function metrics(call: MetricsCall): Promise<Response> {
  const { env, accountId, query, actor } = call;
  const { application: named, instance_costs: instanceCosts } = query;
  const text = await collectMetrics({
    env,
    accountId,
    applications: named === undefined ? await reachable(call) : await oncePerId(call, named),
    withAccount: named === undefined && actor.applications === null,
    withInstances: instanceCosts === "true",
  });
  return new Response(text, { headers: { "content-type": CONTENT_TYPE, "cache-control": "no-store" } });
}

async function reachable({ env, accountId, actor }: MetricsCall): Promise<ApplicationEntry[]> {
  const found: ApplicationEntry[] = [];
  for (let cursor = ""; ;) {
    const page: ApplicationEntry[] = await accountStub(env, accountId).listApplications(null, cursor, PAGE);
    found.push(...page.filter((entry) => mayReach(actor, entry)));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return found;
    cursor = last.id;
  }
}

/** One that is named twice, by id and by name, would give two samples of one series, which is no valid text. */
async function oncePerId(call: MetricsCall, named: readonly string[]): Promise<ApplicationEntry[]> {
  const entries = new Map<string, ApplicationEntry>();
  for (const idOrName of named) {
    const entry = await findNamed(call, idOrName);
    entries.set(entry.id, entry);
  }
  return [...entries.values()];
}
