/** `PUT` of a whole application: made or replaced, and what it says runs from then on; or only told what that would do. */
import * as z from "zod";
import type { ApplicationEntry } from "../../account/applications.ts";
import { GantryError } from "../../errors.ts";
import type { ApplicationPut } from "../../orchestrator/commands.ts";
import type { ApplicationView, PutPreview } from "../../orchestrator/views.ts";
import { applicationStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { createApplication, requireReach } from "../creation.ts";
import { guardOf } from "../guard.ts";
import { requireFreeHostnames, requireOwnHostnames, withHostnames } from "../hostnames.ts";
import { requirePossible } from "../placement.ts";
import { countsOf, requireWithinQuota, withinQuota } from "../quota.ts";
import { withReferences } from "../references.ts";
import { applicationResult } from "../results/application.ts";
import { putPlanResult } from "../results/put-plan.ts";
import { defineRoute, type Call } from "../route.ts";
import { applicationName } from "../schemas/application-name.ts";
import { putApplicationSchema, type PutApplication } from "../schemas/application.ts";
import { ADMISSION_ERRORS, placesOf, requireSameIdentity, specOf, versionOf } from "../specification.ts";
import { wireApplication } from "../wire/application.ts";
import { wireCreationPlan, wirePutPlan } from "../wire/put-plan.ts";
import { notFound } from "./lookup.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const query = z.strictObject({
  dry_run: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true`: changes nothing and answers with the plan; default `false`"),
});

type PutCall = Call<z.output<typeof query>, PutApplication>;

export const wholeApplicationRoutes = [
  defineRoute({
    method: "PUT",
    path: "/applications/:id",
    tag: "Applications",
    summary: "Create or replace a whole application, and activate what it says; with dry_run only plan it",
    query,
    body: putApplicationSchema,
    result: z.union([applicationResult, putPlanResult]),
    statuses: [200, 201],
    errors: [
      "APPLICATION_NOT_FOUND",
      "LEASE_HELD",
      "DURABLE_OBJECT_ALREADY_HAS_APPLICATION",
      "APPLICATION_ALREADY_EXISTS",
      ...ADMISSION_ERRORS,
    ],
    etag: true,
    run: async (call) => {
      await requirePossible(call, placesOf(call.body));
      const current = call.application === null ? null : await viewOf(call, call.application.id);
      if (current !== null) return await replaced(call, current);
      // A name that is taken with nobody behind it: the one who took it was cut off, maybe an earlier try of this call.
      const name = requireNew(call);
      const { env, body } = call;
      const version = await versionOf(call, body.configuration);
      const spec = specOf(env, body);
      const creation = { name, kind: "application", spec, version, field: "configuration" } as const;
      if (call.query.dry_run === "true") {
        const { configuration } = version;
        const target = { applicationId: call.seed, configuration, egress: spec.egress, isDryRun: true };
        requireOwnHostnames(call, spec.hostnames);
        return await withReferences(call, target, async () => {
          await requireFreeHostnames(call, call.seed, spec.hostnames);
          await requireWithinQuota(call, call.seed, { ...countsOf(spec), configuration }, { isNew: true });
          return { result: wireCreationPlan(name, spec, configuration) };
        });
      }
      const created = await createApplication(call, creation);
      if (!created.isCreated) return await replaced(call, await requireView(call, created.holder));
      return { status: 201, result: wireApplication(created.view), etag: created.view.etag };
    },
  }),
];

/** The name of an application that is not there and may be made. */
function requireNew(call: PutCall): string {
  const wanted = call.params["id"] ?? "";
  if (UUID.test(wanted)) throw notFound(wanted);
  const parsed = applicationName.safeParse(wanted);
  if (!parsed.success) throw invalid({ name: parsed.error.issues[0]?.message ?? "is no name" });
  if (call.body.name !== undefined && call.body.name !== wanted) {
    throw invalid({ name: `must be ${wanted}, as in the path` });
  }
  requireReach(call, wanted);
  if (call.ifMatch !== null) {
    const text = `If-Match ${call.ifMatch.slice(0, 100)} does not match: there is no application ${wanted}`;
    throw new GantryError("PRECONDITION_FAILED", text, {});
  }
  return wanted;
}

async function viewOf({ env }: PutCall, id: string): Promise<ApplicationView | null> {
  return await applicationStub(env, id).view();
}

async function requireView(call: PutCall, { id, name }: ApplicationEntry): Promise<ApplicationView> {
  const view = await viewOf(call, id);
  if (view !== null) return view;
  const text = `an application named ${name} is being made or deleted: ${id}; try again`;
  throw new GantryError("WRITE_CONFLICT", text, { name, id });
}

async function replaced(call: PutCall, current: ApplicationView) {
  const { env, body } = call;
  const { id } = current.row;
  const application = applicationStub(env, id);
  requireSameIdentity(body, current.row);
  const version = await versionOf(call, body.configuration);
  const put: ApplicationPut = { spec: specOf(env, body), version };
  const isDryRun = call.query.dry_run === "true";
  requireOwnHostnames(call, put.spec.hostnames);
  const target = { applicationId: id, configuration: version.configuration, egress: put.spec.egress, isDryRun };
  return await withReferences(call, target, async () => {
    const preview: PutPreview = await application.previewPut(put, guardOf(call), isDryRun);
    const { before, after } = preview;
    const change = { ...countsOf(put.spec), configuration: version.configuration };
    if (isDryRun) {
      await requireFreeHostnames(call, id, put.spec.hostnames);
      await requireWithinQuota(call, id, change);
      return { result: wirePutPlan(preview), etag: before.etag };
    }
    // Nothing is reserved for what changes nothing.
    if (before.row.generation === after.row.generation) return { result: wireApplication(before), etag: before.etag };
    const names = { hostnames: put.spec.hostnames ?? [], before: before.row.spec.hostnames ?? [] };
    const view = await withHostnames(call, id, names, async () => {
      return await withinQuota(call, id, change, async (grant): Promise<ApplicationView> => {
        return await application.put(put, guardOf(call), grant);
      });
    });
    return { result: wireApplication(view), etag: view.etag };
  });
}
