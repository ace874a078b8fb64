/** applications: create, list, get, patch, delete, versions. The write of a whole one is in `whole-application.ts`. */
import * as z from "zod";
import { GantryError } from "../../errors.ts";
import type { ApplicationPatch } from "../../orchestrator/commands.ts";
import { mergeConfiguration, splitPin, type StoredConfiguration } from "../../orchestrator/configurations.ts";
import type { ApplicationView, VersionView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { validate } from "../body.ts";
import { createApplication, requireReach } from "../creation.ts";
import { guardOf } from "../guard.ts";
import { requireOwnHostnames, withHostnames } from "../hostnames.ts";
import { hasLabels, labelQuery } from "../labels.ts";
import { pageQuery } from "../pagination.ts";
import { requirePossible } from "../placement.ts";
import { withinQuota, type QuotaChange } from "../quota.ts";
import { withReferences } from "../references.ts";
import { applicationResult, versionResult } from "../results/application.ts";
import { message } from "../results/common.ts";
import { defineRoute, type Call } from "../route.ts";
import {
  jobInstancesOf,
  checkEveryMs,
  createApplicationSchema,
  patchApplicationSchema,
  type PatchApplication,
} from "../schemas/application.ts";
import { configurationSchema } from "../schemas/configuration.ts";
import {
  jobsOf,
  ADMISSION_ERRORS,
  placesOf,
  rankOf,
  reachedBy,
  replacedBy,
  scaledBy,
  requireEffect,
  requireSameIdentity,
  requireSleepers,
  specOf,
  versionOf,
  workersOf,
} from "../specification.ts";
import { wireApplication, wireVersions } from "../wire/application.ts";
import { findApplication, findView, notFound, pageOfApplications, viewsOf } from "./lookup.ts";

const NO_QUERY = z.strictObject({});
/** Cloudflare's internal clients expect everything in one answer. */
const MAX_PAGE = 10_000;
/** Writers of versions may come between ours and what it was made from this often in a row. */
const MAX_TRIES = 8;

export const applicationRoutes = [
  defineRoute({
    method: "POST",
    path: "/applications",
    tag: "Applications",
    summary: "Create an application",
    owned: true,
    query: NO_QUERY,
    body: createApplicationSchema,
    result: applicationResult,
    statuses: [201],
    errors: ["APPLICATION_ALREADY_EXISTS", "DURABLE_OBJECT_ALREADY_HAS_APPLICATION", ...ADMISSION_ERRORS],
    etag: true,
    run: async (call) => {
      const { env, body } = call;
      requireReach(call, body.name);
      await requirePossible(call, placesOf(body));
      const version = await versionOf(call, body.configuration);
      const creation = { name: body.name, kind: "application", spec: specOf(env, body), version } as const;
      const created = await createApplication(call, { ...creation, field: "configuration" });
      if (created.isCreated) {
        return { status: 201, result: wireApplication(created.view), etag: created.view.etag };
      }
      const { id } = created.holder;
      const text = `an application named ${body.name} already exists: ${id}`;
      throw new GantryError("APPLICATION_ALREADY_EXISTS", text, { name: body.name, id });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications",
    tag: "Applications",
    summary: "List applications",
    query: z.strictObject({
      ...pageQuery(MAX_PAGE, MAX_PAGE),
      name: z.string().max(100).optional().describe("Only the application of this name"),
      image: z.string().max(512).optional().describe("Only applications whose active configuration has this image"),
      label: labelQuery,
    }),
    result: z.array(applicationResult),
    paged: true,
    run: async ({ query, ...call }) => {
      const { page, info } = await pageOfApplications(call, query);
      const views = await viewsOf(
        call.env,
        page.filter(({ name }) => query.name === undefined || name === query.name),
      );
      const result = views
        .filter(({ configuration }) => query.image === undefined || configuration.image === query.image)
        .filter(({ configuration }) => hasLabels(configuration, query.label));
      return { result: result.map(wireApplication), resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id",
    tag: "Applications",
    summary: "Get an application by id or name",
    query: NO_QUERY,
    result: applicationResult,
    etag: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const view = await findView(call);
      return { result: wireApplication(view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/applications/:id",
    tag: "Applications",
    summary: "Change an application: counts and policies act at once, a configuration is stored as a version",
    query: NO_QUERY,
    body: patchApplicationSchema,
    result: applicationResult,
    etag: true,
    errors: ["APPLICATION_NOT_FOUND", "LEASE_HELD", "VERSION_MOVED", ...ADMISSION_ERRORS],
    run: async (call) => {
      const { id } = findApplication(call);
      if (call.body.name !== undefined || call.body.durable_objects !== undefined) {
        requireSameIdentity(call.body, (await findView(call)).row);
      }
      await requirePossible(call, placesOf(call.body));
      requireOwnHostnames(call, call.body.hostnames);
      const view = await patched(call, id);
      return { result: wireApplication(view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/applications/:id",
    tag: "Applications",
    summary: "Delete an application and stop its instances",
    plainErrors: true,
    query: NO_QUERY,
    result: message,
    etag: true,
    errors: ["APPLICATION_NOT_FOUND", "LEASE_HELD"],
    run: async (call) => {
      // An earlier try with this key may have deleted it without being heard.
      if (call.isRetry && call.application === null) return gone(call.params["id"] ?? "");
      const { id, name } = findApplication(call);
      // The application first: a name that is free while containers of nobody run on would be worse than the reverse.
      // Without one, its create may be under way, and the name is not ours to free.
      if (!(await applicationStub(call.env, id).delete(guardOf(call)))) throw notFound(name);
      await accountStub(call.env, call.accountId).removeApplication(id);
      return gone(name);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/versions",
    tag: "Applications",
    summary: "List the versions of an application's configuration",
    query: NO_QUERY,
    result: z.array(versionResult),
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const versions: VersionView[] = await applicationStub(call.env, id).versions();
      return { result: wireVersions(versions) };
    },
  }),
];

function gone(name: string) {
  return { result: { message: `application ${name} is deleted; its instances are being stopped` } };
}

async function patched(call: Call<unknown, PatchApplication>, id: string): Promise<ApplicationView> {
  const { configuration } = call.body;
  if (configuration === undefined) {
    const patch = patchOf(call.env, call.body);
    return await withReferences(call, { applicationId: id, egress: patch.egress }, async () => {
      return await written(call, id, patch);
    });
  }
  if (configuration.observability !== undefined || configuration.sleep_after !== undefined) {
    const { spec } = (await findView(call)).row;
    requireEffect(configuration, spec, "configuration");
    const { named_instances: namedInstances = spec.namedInstances ?? 0 } = call.body;
    requireSleepers(configuration, { namedInstances }, "configuration");
  }
  const application = applicationStub(call.env, id);
  for (let attempt = 1; ; attempt += 1) {
    const base: { version: number; configuration: StoredConfiguration } = await application.newest();
    const { written: whole, pinned } = splitPin(mergeConfiguration(base.configuration, configuration));
    const merged = validate(z.strictObject({ configuration: configurationSchema }), { configuration: whole });
    const found = await versionOf(call, merged.configuration, "application", { pinned });
    const version = { ...found, base: base.version };
    const patch = { ...patchOf(call.env, call.body), version };
    const target = { applicationId: id, configuration: version.configuration, egress: patch.egress };
    try {
      return await withReferences(call, target, async () => {
        return await written(call, id, patch);
      });
    } catch (error) {
      if (!GantryError.is(error) || error.code !== "VERSION_MOVED" || attempt === MAX_TRIES) throw error;
    }
  }
}

async function written(call: Call<unknown, PatchApplication>, id: string, patch: ApplicationPatch) {
  const { hostnames } = patch;
  if (hostnames === undefined) return await counted(call, id, patch);
  const before: string[] = await applicationStub(call.env, id).hostnames();
  return await withHostnames(call, id, { hostnames, before }, async (claimedUntil) => {
    return await counted(call, id, hostnames.length === 0 ? patch : { ...patch, claimedUntil });
  });
}

/** Only counts are held against the account's limits, and a ceiling may lower one: a version that is stored runs nowhere. */
async function counted(call: Call<unknown, PatchApplication>, id: string, patch: ApplicationPatch) {
  const application = applicationStub(call.env, id);
  const { instances, max_instances: ceiling, named_instances: named, constraints, autoscaling, warm } = call.body;
  const counts = [instances, ceiling, named, constraints, autoscaling, warm, jobInstancesOf(call.body)];
  if (counts.every((one) => one === undefined)) {
    const view: ApplicationView = await application.patch(patch, guardOf(call));
    return view;
  }
  return await withinQuota(call, id, changeOf(call.body), async (grant): Promise<ApplicationView> => {
    return await application.patch(patch, guardOf(call), grant);
  });
}

function changeOf({ instances, named_instances: named, autoscaling, warm, ...body }: PatchApplication): QuotaChange {
  const jobs = jobInstancesOf(body);
  return {
    ...(jobs === undefined ? {} : { jobs }),
    ...(instances === undefined ? {} : { instances }),
    ...(autoscaling === undefined ? {} : { scaledTo: autoscaling?.max ?? null }),
    ...(named === undefined ? {} : { named }),
    ...(warm === undefined ? {} : { warm }),
  };
}

function patchOf(
  env: Env,
  {
    bridge,
    hooks,
    instances,
    max_instances,
    named_instances,
    warm,
    ingress,
    hostnames,
    check_every,
    observability,
    constraints,
    affinities,
    priorities,
    preemption,
    autoscaling,
    jobs,
    job_instances,
    max_parallel_tasks,
    rollout,
    rollout_active_grace_period,
    egress,
  }: PatchApplication,
): ApplicationPatch {
  return {
    ...jobsOf({ jobs, job_instances }),
    ...(max_parallel_tasks === undefined ? {} : { maxParallelTasks: max_parallel_tasks }),
    ...workersOf(env, { bridge, hooks }),
    ...reachedBy(env, { egress }),
    ...scaledBy({ autoscaling }),
    ...placesOf({ constraints, affinities }),
    ...rankOf({ priorities, preemption }),
    ...replacedBy({ rollout, rollout_active_grace_period }),
    ...(instances === undefined ? {} : { instances }),
    ...(max_instances === undefined ? {} : { maxInstances: max_instances }),
    ...(named_instances === undefined ? {} : { namedInstances: named_instances }),
    ...(warm === undefined ? {} : { warm }),
    ...(ingress === undefined ? {} : { ingress: ingress.mode }),
    ...(hostnames === undefined ? {} : { hostnames }),
    ...(check_every === undefined ? {} : { checkEveryMs: checkEveryMs(check_every) }),
    ...(observability === undefined ? {} : { logs: observability.logs.enabled }),
  };
}
