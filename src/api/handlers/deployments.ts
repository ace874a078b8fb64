/** deployments v2: standalone ones, which are made, changed and deleted here, and those of applications. */
import * as z from "zod";
import { ERRORS, GantryError } from "../../errors.ts";
import type { ApplicationPatch } from "../../orchestrator/commands.ts";
import { mergeConfiguration, splitPin, type StoredConfiguration } from "../../orchestrator/configurations.ts";
import type { ApplicationView, DeploymentsView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { invalid, validate } from "../body.ts";
import { createApplication } from "../creation.ts";
import { guardOf } from "../guard.ts";
import { withinQuota } from "../quota.ts";
import { withReferences } from "../references.ts";
import { message } from "../results/common.ts";
import { deploymentResult } from "../results/deployment.ts";
import { defineRoute, type Call } from "../route.ts";
import { DEFAULT_CHECK_EVERY_MS } from "../schemas/application.ts";
import {
  createDeploymentSchema,
  patchDeploymentSchema,
  recreateSchema,
  type CreateDeployment,
  type PatchDeployment,
} from "../schemas/deployment.ts";
import { ADMISSION_ERRORS, defaultIngress, versionOf } from "../specification.ts";
import { wireDeployment } from "../wire/deployment.ts";
import { deploymentListQuery, listDeployments } from "./deployment-list.ts";
import { contextOf, deploymentNotFound, findDeployment, lookUp, type FoundDeployment } from "./deployment-lookup.ts";
import { findApplication, notFound, requireWholeAccount } from "./lookup.ts";

const NO_QUERY = z.strictObject({});
const TAG = "Deployments";
/** Another write may come between ours and what it was made from this often in a row. */
const MAX_TRIES = 8;

export const deploymentRoutes = [
  defineRoute({
    method: "POST",
    path: "/deployments/v2",
    tag: TAG,
    summary: "Create a standalone deployment: one instance, always kept running",
    owned: true,
    query: NO_QUERY,
    body: createDeploymentSchema,
    result: deploymentResult,
    statuses: [201],
    errors: ["DEPLOYMENT_ALREADY_EXISTS", ...ADMISSION_ERRORS],
    run: async (call) => {
      requireWholeAccount(call.actor);
      return { status: 201, result: await created(call) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/deployments/v2",
    tag: TAG,
    summary: "List deployments, those of applications too",
    query: deploymentListQuery,
    result: z.array(deploymentResult),
    paged: true,
    run: async (call) => {
      const { page, info } = await listDeployments(call);
      return { result: page, resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/deployments/:deployment/v2",
    tag: TAG,
    summary: "Get a deployment",
    query: NO_QUERY,
    result: deploymentResult,
    errors: ["DEPLOYMENT_NOT_FOUND"],
    run: async (call) => ({ result: await shown(call, await findDeployment(call, deploymentOf(call))) }),
  }),
  defineRoute({
    method: "PATCH",
    path: "/deployments/:deployment/v2",
    tag: TAG,
    summary: "Change a standalone deployment: its next placement begins at once, under the same id",
    query: NO_QUERY,
    body: patchDeploymentSchema,
    result: deploymentResult,
    errors: ["DEPLOYMENT_NOT_FOUND", "VERSION_MOVED", "PRECONDITION_FAILED", ...ADMISSION_ERRORS],
    run: async (call) => {
      const id = deploymentOf(call);
      const found = await findDeployment(call, id);
      requireStandalone(found, "configuration");
      await patched(call, found.application.row.id);
      return { result: await shown(call, await findDeployment(call, id)) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/deployments/:deployment/v2",
    tag: TAG,
    summary: "Delete a standalone deployment; one of an application is replaced by another",
    query: NO_QUERY,
    result: z.union([deploymentResult, message]),
    errors: ["DEPLOYMENT_NOT_FOUND", "JOB_INSTANCE", "LEASE_HELD", "PRECONDITION_FAILED"],
    run: async (call) => ({ result: await removed(call, deploymentOf(call)) }),
  }),
  defineRoute({
    method: "POST",
    path: "/deployments/:deployment/recreate",
    tag: TAG,
    summary: "Replace a standalone deployment by a new one with a new id",
    query: NO_QUERY,
    body: createDeploymentSchema,
    result: deploymentResult,
    errors: ["DEPLOYMENT_NOT_FOUND", "DEPLOYMENT_ALREADY_EXISTS", "PRECONDITION_FAILED", ...ADMISSION_ERRORS],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const id = deploymentOf(call);
      const old = call.isRetry ? await ifThere(call, id) : await findDeployment(call, id);
      if (old !== null) requireStandalone(old, "body");
      // The new one first: cut off in between, there is one too many and not one too few.
      const result = await created(call);
      if (old === null) return { result };
      try {
        await removed(call, id, true);
      } catch (error) {
        // Refused, since the old one was changed or is gone: then the new one is not wanted either.
        if (GantryError.is(error) && ERRORS[error.code].status < 500) await discarded(call);
        throw error;
      }
      return { result };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/deployments",
    tag: TAG,
    summary: "List the deployments of an application",
    query: NO_QUERY,
    result: z.array(deploymentResult),
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const found = await ofApplication(call);
      const context = await contextOf(call, found);
      return { result: found.map(({ application, instance }) => wireDeployment(application, instance, context)) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/deployments/:deployment",
    tag: TAG,
    summary: "Get a deployment of an application",
    query: NO_QUERY,
    result: deploymentResult,
    errors: ["APPLICATION_NOT_FOUND", "DEPLOYMENT_NOT_FOUND"],
    run: async (call) => {
      const id = deploymentOf(call);
      const found = (await ofApplication(call)).find(({ instance }) => instance.deployment.id === id);
      if (found === undefined) throw deploymentNotFound(id);
      return { result: await shown(call, found) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/applications/:id/deployments/:deployment/recreate",
    tag: TAG,
    summary: "Replace a deployment of an application by a new one with a new id",
    query: NO_QUERY,
    body: recreateSchema,
    result: deploymentResult,
    errors: ["APPLICATION_NOT_FOUND", "DEPLOYMENT_NOT_FOUND", "JOB_INSTANCE", "LEASE_HELD"],
    etag: true,
    run: async (call) => ({ result: await recreated(call) }),
  }),
];

function deploymentOf(call: Call<unknown, unknown>): string {
  return call.params["deployment"] ?? "";
}

async function shown(call: Call<unknown, unknown>, found: FoundDeployment) {
  return wireDeployment(found.application, found.instance, await contextOf(call, [found]));
}

async function created(call: Call<unknown, CreateDeployment>) {
  const { env, seed } = call;
  const { dns: _, provisioner: _provisioner, name = seed, ...configuration } = call.body;
  const version = await versionOf(call, configuration, "deployment");
  const spec = {
    instances: 1,
    maxInstances: null,
    ingress: defaultIngress(env),
    checkEveryMs: DEFAULT_CHECK_EVERY_MS,
  };
  // Without a name of its own it has one that is nobody's choice, so that no application is in its way.
  const made = await createApplication(call, {
    name: `deployment-${name}`,
    kind: "deployment",
    spec,
    version,
    field: "",
  });
  if (!made.isCreated) {
    const text = `a deployment ${made.holder.name} already exists: ${made.holder.id}`;
    throw new GantryError("DEPLOYMENT_ALREADY_EXISTS", text, { name: made.holder.name, id: made.holder.id });
  }
  const view: DeploymentsView | null = await applicationStub(env, seed).deployments();
  const [instance] = view?.instances ?? [];
  if (view === null || instance === undefined) throw new Error(`deployment ${seed} has no slot`);
  return await shown(call, { application: view.application, instance });
}

async function patched(call: Call<unknown, PatchDeployment>, id: string): Promise<void> {
  const application = applicationStub(call.env, id);
  const { dns: _, provisioner: _provisioner, ...given } = call.body;
  for (let attempt = 1; ; attempt += 1) {
    const base: { version: number; configuration: StoredConfiguration } = await application.newest();
    const { written, pinned } = splitPin(mergeConfiguration(base.configuration, given));
    const { network, ...merged } = written;
    // The network's mode is of the stored kind, and not given again.
    const whole: StoredConfiguration = { ...validate(createDeploymentSchema, merged), ...(network && { network }) };
    const version = { ...(await versionOf(call, whole, "deployment", { pinned })), base: base.version };
    const patch: ApplicationPatch = { version };
    const target = { applicationId: id, configuration: version.configuration, field: "" };
    const change = { configuration: version.configuration };
    try {
      await withReferences(call, target, async () => {
        await withinQuota(call, id, change, async (grant): Promise<ApplicationView> => {
          return await application.replace(patch, guardOf(call), grant);
        });
      });
      return;
    } catch (error) {
      if (!GantryError.is(error) || error.code !== "VERSION_MOVED" || attempt === MAX_TRIES) throw error;
    }
  }
}

/** `mustBegin`: one that somebody else is deleting already is not there. */
async function removed(call: Call<unknown, unknown>, id: string, mustBegin = false) {
  const found = call.isRetry ? await ifThere(call, id) : await findDeployment(call, id);
  const gone = { message: `deployment ${id} is deleted` };
  // An earlier try with this key has deleted it.
  if (found === null) return gone;
  const { row } = found.application;
  const application = applicationStub(call.env, row.id);
  const before = await shown(call, found);
  if (row.kind === "application") {
    const view = await application.act(id, "destroy", call.actor.name, guardOf(call));
    if (view === null) throw deploymentNotFound(id);
    return before;
  }
  const outcome = await application.beginDelete(guardOf(call));
  const isOthers = outcome === "underway" && !call.isRetry;
  if (outcome === "missing" || (mustBegin && isOthers)) throw deploymentNotFound(id);
  await accountStub(call.env, call.accountId).removeApplication(row.id);
  return before;
}

/** Takes back what `created` made. */
async function discarded(call: Call<unknown, unknown>): Promise<void> {
  await applicationStub(call.env, call.seed).delete({ ...guardOf(call), ifMatch: null });
  await accountStub(call.env, call.accountId).removeApplication(call.seed);
}

async function recreated(call: Call<unknown, z.output<typeof recreateSchema>>) {
  const { id } = findApplication(call);
  const fields = Object.keys(call.body);
  if (fields.length > 0) {
    const reason = "is the application's: change the application, then recreate its deployments";
    throw invalid(Object.fromEntries(fields.map((field) => [field, reason])));
  }
  const deployment = deploymentOf(call);
  const application = applicationStub(call.env, id);
  const view: DeploymentsView = await application.recreate(deployment, call.actor.name, guardOf(call));
  const [instance] = view.instances;
  if (instance === undefined) throw deploymentNotFound(deployment);
  return await shown(call, { application: view.application, instance });
}

async function ofApplication(call: Call<unknown, unknown>): Promise<FoundDeployment[]> {
  const { id } = findApplication(call);
  const view: DeploymentsView | null = await applicationStub(call.env, id).deployments();
  if (view === null) throw notFound(id);
  return view.instances.map((instance) => ({ application: view.application, instance }));
}

async function ifThere(call: Call<unknown, unknown>, id: string): Promise<FoundDeployment | null> {
  try {
    return await lookUp(call, id);
  } catch (error) {
    if (GantryError.is(error) && error.code === "DEPLOYMENT_NOT_FOUND") return null;
    throw error;
  }
}

function requireStandalone({ application }: FoundDeployment, field: string): void {
  if (application.row.kind === "deployment") return;
  const { name } = application.row;
  throw invalid({ [field]: `this deployment belongs to the application ${name}: change the application` });
}
