/** applications: create, list, get, patch, delete, versions. */
import * as z from "zod";
import { declaredImages } from "../../containers/catalog.ts";
import { GantryError } from "../../errors.ts";
import type { Reservation } from "../../account/applications.ts";
import type { ApplicationPatch } from "../../orchestrator/commands.ts";
import { revisionOf, toLaunchSpec } from "../../orchestrator/launch-spec.ts";
import type { ApplicationView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { pageQuery } from "../pagination.ts";
import { withReferences } from "../references.ts";
import { defineRoute } from "../route.ts";
import {
  checkEveryMs,
  createApplicationSchema,
  ingressMode,
  patchApplicationSchema,
  type IngressMode,
} from "../schemas/application.ts";
import type { Configuration } from "../schemas/configuration.ts";
import { wireApplication } from "../wire/application.ts";
import { findApplication, findView, notFound, pageOfApplications, viewsOf } from "./lookup.ts";
import { applicationResult, versionResult } from "../results/application.ts";
import { message } from "../results/common.ts";
import { mayReach } from "../scopes.ts";

const NO_QUERY = z.strictObject({});
/** Cloudflare's internal clients expect everything in one answer. */
const MAX_PAGE = 10_000;
/** A create takes milliseconds; what stands half done after this was cut off. */
const ABANDONED_AFTER_MS = 30_000;

export const applicationRoutes = [
  defineRoute({
    method: "POST",
    path: "/applications",
    tag: "Applications",
    summary: "Create an application",
    query: NO_QUERY,
    body: createApplicationSchema,
    result: applicationResult,
    statuses: [201],
    errors: ["APPLICATION_ALREADY_EXISTS", "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE"],
    etag: true,
    run: async ({ env, accountId, actor, seed, body }) => {
      if (!mayReach(actor, { id: "", name: body.name })) {
        const text = `this token is limited to other applications than ${body.name}`;
        throw new GantryError("FORBIDDEN", text, { applications: [...(actor.applications ?? [])] });
      }
      return await withReferences(call, { applicationId: seed, configuration: body.configuration }, async () => {
      const account = accountStub(env, accountId);
      const { reserved, entry, ageMs }: Reservation = await account.reserveName(body.name, seed, "application");
      const application = applicationStub(env, entry.id);
      // A name that was taken long ago without an application behind it belongs to a try that did not get further.
      if (!reserved && (ageMs < ABANDONED_AFTER_MS || (await application.exists()))) {
        const text = `an application named ${body.name} already exists: ${entry.id}`;
        throw new GantryError("APPLICATION_ALREADY_EXISTS", text, { name: body.name, id: entry.id });
      }
      const view: ApplicationView = await application.create({
        id: entry.id,
        accountId,
        name: body.name,
        spec: {
          instances: body.instances,
          maxInstances: body.max_instances ?? null,
          ingress: body.ingress?.mode ?? defaultIngress(env),
          checkEveryMs: checkEveryMs(body.check_every),
        },
        ...(await versioned(body.configuration)),
      });
      return { status: 201, result: wireApplication(view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications",
    tag: "Applications",
    summary: "List applications",
    query: z.strictObject({
      ...pageQuery(MAX_PAGE, MAX_PAGE),
      name: z.string().max(100).optional(),
      image: z.string().max(512).optional(),
    }),
    result: z.array(applicationResult),
    paged: true,
    run: async ({ query, ...call }) => {
      const { page, info } = await pageOfApplications(call, query);
      const views = await viewsOf(
        call.env,
        page.filter(({ name }) => query.name === undefined || name === query.name),
      );
      const result = views.filter(
        ({ configuration }) => query.image === undefined || configuration.image === query.image,
      );
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
    errors: ["APPLICATION_NOT_FOUND", "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { instances, max_instances, ingress, check_every, configuration } = call.body;
      if (configuration !== undefined) await requireDeclared(call.env, configuration);
      const patch: ApplicationPatch = {
        ...(instances === undefined ? {} : { instances }),
        ...(max_instances === undefined ? {} : { maxInstances: max_instances }),
        ...(ingress === undefined ? {} : { ingress: ingress.mode }),
        ...(check_every === undefined ? {} : { checkEveryMs: checkEveryMs(check_every) }),
        ...(configuration === undefined ? {} : { version: await versioned(configuration) }),
      };
      const view: ApplicationView = await applicationStub(call.env, id).patch(patch, call.ifMatch);
      return { result: wireApplication(view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/applications/:id",
    tag: "Applications",
    summary: "Delete an application and stop its instances",
    query: NO_QUERY,
    result: message,
    etag: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const gone = (name: string) => ({
        result: { message: `application ${name} is deleted; its instances are being stopped` },
      });
      // An earlier try with this key may have deleted it without being heard.
      if (call.isRetry && call.application === null) return gone(call.params["id"] ?? "");
      const { id, name } = findApplication(call);
      // The application first: a name that is free while containers of nobody run on would be worse than the reverse.
      // Without one, its create may be under way, and the name is not ours to free.
      if (!(await applicationStub(call.env, id).delete(call.ifMatch))) throw notFound(name);
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
      const versions: {
        version: number;
        active: boolean;
        configuration: Configuration;
        createdAt: number;
        revision: string;
      }[] = await applicationStub(call.env, id).versions();
      return {
        result: versions.map(({ version, active, configuration, createdAt, revision }) => ({
          version,
          percentage: active ? 100 : 0,
          configuration,
          revision,
          created_at: new Date(createdAt).toISOString(),
        })),
      };
    },
  }),
];

async function versioned(configuration: Configuration) {
  return { configuration, revision: await revisionOf(toLaunchSpec(configuration)) };
}

/** Only a declared image can start, and the platform's own error would not say why. */
async function requireDeclared(env: Env, configuration: Configuration): Promise<void> {
  const images = await declaredImages(env);
  if (images.includes(configuration.image)) return;
  const reason = `no image ${configuration.image} is declared; declared: ${images.join(", ")}`;
  throw new GantryError("IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", `configuration.image: ${reason}`, {
    "configuration.image": reason,
  });
}

function defaultIngress(env: Env): IngressMode {
  return ingressMode.catch("private").parse(env.GANTRY_DEFAULT_INGRESS);
}
