/** instances of an application: the public view of its deployments and their placements. */
import * as z from "zod";
import type { InstanceState } from "../../orchestrator/health.ts";
import type { InstanceView } from "../../orchestrator/views.ts";
import { applicationStub } from "../../stubs.ts";
import { decodePageToken, pageOf, pageQuery } from "../pagination.ts";
import { instanceResult } from "../results/instance.ts";
import { defineRoute, type Call } from "../route.ts";
import { wireInstance } from "../wire/instance.ts";
import { findApplication, instanceNotFound } from "./lookup.ts";

const PER_PAGE = 100;
const MAX_PER_PAGE = 1_000;
const ACTIVE: ReadonlySet<InstanceState> = new Set(["provisioning", "running", "unhealthy", "stopping"]);

const listQuery = z.strictObject({
  ...pageQuery(PER_PAGE, MAX_PER_PAGE),
  name_prefix: z.string().max(1_024).optional().describe("Only instances whose name begins so, or whose id it is"),
  state: z.enum(["active", "not-active"]).optional().describe("Only those that have a container, or have none"),
});

export const instanceRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances-v2",
    tag: "Instances",
    summary: "List instances",
    query: listQuery,
    result: z.array(instanceResult),
    paged: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { result, info } = await listInstances(call);
      return { result, resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances",
    tag: "Instances",
    summary: "List instances (v1)",
    query: listQuery,
    result: z.strictObject({ instances: z.array(instanceResult) }),
    paged: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { result, info } = await listInstances(call);
      return { result: { instances: result }, resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances/:instance_id",
    tag: "Instances",
    summary: "Get an instance by id or name",
    query: z.strictObject({}),
    result: instanceResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const view = await readInstance(call, id);
      return { result: wireInstance(id, view) };
    },
  }),
];

/** The one that the path's `{instance_id}` names, by its public id or its name. */
export async function readInstance(
  { env, params }: Pick<Call<unknown, unknown>, "env" | "params">,
  applicationId: string,
): Promise<InstanceView> {
  const wanted = params["instance_id"] ?? "";
  const views = await readInstances(env, applicationId);
  const view = views.find(({ instanceId, name }) => instanceId === wanted || name === wanted);
  if (view === undefined) throw instanceNotFound(wanted);
  return view;
}

export async function readInstances(env: Env, applicationId: string): Promise<InstanceView[]> {
  const views: InstanceView[] = await applicationStub(env, applicationId).instances();
  return views;
}

async function listInstances(call: Call<z.output<typeof listQuery>, null>) {
  const { id } = findApplication(call);
  const { name_prefix: prefix, state } = call.query;
  const matching = (await readInstances(call.env, id))
    .filter(({ instanceId, name }) => prefix === undefined || name.startsWith(prefix) || instanceId === prefix)
    .filter((view) => state === undefined || ACTIVE.has(view.state) === (state === "active"));
  const { page, info } = pageOfInstances(matching, call.query);
  return { result: page.map((view) => wireInstance(id, view)), info };
}

export function pageOfInstances(
  views: readonly InstanceView[],
  { per_page: perPage, page_token: token }: { per_page: number; page_token?: string | undefined },
) {
  const after = decodePageToken(token);
  const rest = views.filter((view) => pageKey(view) > after).toSorted((a, b) => (pageKey(a) < pageKey(b) ? -1 : 1));
  return pageOf(rest, perPage, token, pageKey);
}

/** Slot order that also sorts as text, then the id: a slot that is replaced while pages are read keeps its place. */
function pageKey({ deployment }: InstanceView): string {
  return `${String(deployment.slot).padStart(6, "0")}:${deployment.id}`;
}
