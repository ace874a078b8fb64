/** What an application's containers may reach: the policy, what was changed for one instance, and what was denied. */
import * as z from "zod";
import { GantryError } from "../../errors.ts";
import type { EgressView } from "../../containers/egress-state.ts";
import { NO_POLICY } from "../../egress/policy/policy.ts";
import type { EgressSummary, EgressWritten } from "../../orchestrator/application-egress.ts";
import { applicationStub, instanceStub, publicInstanceId } from "../../stubs.ts";
import { guardOf } from "../guard.ts";
import { decodePageToken, pageOf, pageQuery } from "../pagination.ts";
import { egressDenialResult, egressResult, instanceEgressResult, usageResult } from "../results/egress.ts";
import { withReferences } from "../references.ts";
import { defineRoute, type Call } from "../route.ts";
import { egressSchema } from "../schemas/egress.ts";
import { changeEgressSchema } from "../schemas/egress-change.ts";
import { reachedBy } from "../specification.ts";
import { wireDenial, wireEgress, wireOverrides, wireUsage } from "../wire/egress.ts";
import { readInstance } from "./instances.ts";
import { findApplication, findView } from "./lookup.ts";

const NO_QUERY = z.strictObject({});
const PER_PAGE = 100;

export const egressRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/egress",
    tag: "Egress",
    summary: "What an application's containers may reach, and what has gone through",
    query: NO_QUERY,
    result: z.strictObject({ policy: egressResult, usage: usageResult }),
    etag: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const view = await findView(call);
      const { usage }: EgressSummary = await applicationStub(call.env, view.row.id).egressWhole();
      return {
        result: { policy: wireEgress(view.row.spec.egress ?? NO_POLICY), usage: wireUsage(usage) },
        etag: view.etag,
      };
    },
  }),
  defineRoute({
    method: "PUT",
    path: "/applications/:id/egress",
    tag: "Egress",
    summary: "Replace what an application's containers may reach; it holds from their next request on",
    query: NO_QUERY,
    body: egressSchema,
    result: z.strictObject({
      policy: egressResult,
      told: z.int().min(0).describe("instances for which it holds from their next request on"),
      pending: z
        .array(z.string())
        .describe("ids of instances that did not answer; it holds for them from their next report on"),
      restart: z
        .array(z.string())
        .describe(
          "ids of instances that are to be restarted before all of it holds: started without a policy they have no HTTPS, " +
            "started `open` they go past every rule",
        ),
    }),
    etag: true,
    errors: ["APPLICATION_NOT_FOUND", "LEASE_HELD"],
    run: async (call) => {
      const { id } = findApplication(call);
      const application = applicationStub(call.env, id);
      const { egress = null } = reachedBy(call.env, { egress: call.body }, "");
      const target = { applicationId: id, egress, egressField: "" } as const;
      const { view, published } = await withReferences(call, target, async (): Promise<EgressWritten> => {
        return await application.putEgress(egress, guardOf(call));
      });
      const { told, pending, restart } = published;
      const policy = wireEgress(egress ?? NO_POLICY);
      return { result: { policy, told, pending: [...pending], restart: [...restart] }, etag: view.etag };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/egress/log",
    tag: "Egress",
    summary: "What an application's containers were denied, the latest first",
    query: z.strictObject({
      ...pageQuery(PER_PAGE, 1_000),
      host: z.string().max(253).optional().describe("Only this host"),
      instance: z.string().max(128).optional().describe("Only of the instance with this id"),
    }),
    result: z.array(egressDenialResult),
    paged: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { per_page: perPage, page_token: token, host, instance } = call.query;
      const { denials }: EgressSummary = await applicationStub(call.env, id).egressWhole();
      const after = decodePageToken(token);
      const rows = denials
        .map((denial) => wireDenial(denial, publicInstanceId(call.env, denial.deployment)))
        .filter(
          (row) => (host === undefined || row.host === host) && (instance === undefined || row.instance === instance),
        );
      const rest = after === "" ? rows : rows.filter((row) => keyOf(row) > after);
      const { page, info } = pageOf(
        rest.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
        perPage,
        token,
        keyOf,
      );
      return { result: page, resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances/:instance_id/egress",
    tag: "Egress",
    summary: "What one instance may reach, with what was changed for it alone",
    query: NO_QUERY,
    result: instanceEgressResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND"],
    run: async (call) => {
      const deploymentId = await deploymentOf(call);
      const view: EgressView = await instanceStub(call.env, deploymentId).egressView();
      return { result: shown(call.env, deploymentId, view) };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/applications/:id/instances/:instance_id/egress",
    tag: "Egress",
    summary: "Change what one instance may reach, from its next request on, until it is reset",
    scope: "operate",
    query: NO_QUERY,
    body: changeEgressSchema,
    result: instanceEgressResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND", "EGRESS_OPEN"],
    run: async (call) => {
      if (!call.actor.scopes.some((scope) => scope === "deploy" || scope === "admin") && widens(call.body)) {
        const why = "to let an instance reach more than its policy says needs a token of scope deploy";
        throw new GantryError("FORBIDDEN", why, { scope: "deploy" });
      }
      const deploymentId = await deploymentOf(call);
      const view: EgressView = await instanceStub(call.env, deploymentId).changeEgress(call.body);
      return { result: shown(call.env, deploymentId, view) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/applications/:id/instances/:instance_id/egress",
    tag: "Egress",
    summary: "Take back what was changed for one instance: the application's policy holds for it again",
    query: NO_QUERY,
    result: instanceEgressResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND"],
    run: async (call) => {
      const deploymentId = await deploymentOf(call);
      const view: EgressView = await instanceStub(call.env, deploymentId).resetEgress();
      return { result: shown(call.env, deploymentId, view) };
    },
  }),
];

/** The latest first, and what a page has begun with does not move to another one. */
function keyOf({ last_at, instance, host, method, rule }: z.output<typeof egressDenialResult>): string {
  const age = String(Number.MAX_SAFE_INTEGER - Date.parse(last_at)).padStart(16, "0");
  return `${age} ${instance} ${host} ${method} ${rule}`;
}

function widens({ allow, remove_denied, set_allowed, set_denied }: z.output<typeof changeEgressSchema>): boolean {
  return [allow, remove_denied, set_allowed, set_denied].some((list) => list !== undefined);
}

async function deploymentOf(call: Call<unknown, unknown>): Promise<string> {
  const { id } = findApplication(call);
  const { deployment } = await readInstance(call, id);
  return deployment.id;
}

function shown(env: Env, deploymentId: string, { policy, overrides, verified, isBehind }: EgressView) {
  return {
    instance: publicInstanceId(env, deploymentId),
    policy: wireEgress(policy),
    overrides: wireOverrides(overrides),
    verified,
    restart_needed: isBehind,
  };
}
