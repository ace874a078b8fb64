/** rollouts: from the active version to another. What one is at is waited for and acted on in `rollout-actions.ts`. */
import * as z from "zod";
import { mergeConfiguration, splitPin } from "../../orchestrator/configurations.ts";
import { rolloutNotFound } from "../../orchestrator/rollouts/rollout-control.ts";
import type { ApplicationView, RolloutView } from "../../orchestrator/views.ts";
import { wantedOf } from "../../orchestrator/warm.ts";
import { applicationStub } from "../../stubs.ts";
import { invalid, validate } from "../body.ts";
import { guardOf } from "../guard.ts";
import { withinQuota } from "../quota.ts";
import { withReferences } from "../references.ts";
import { message } from "../results/common.ts";
import { rolloutResult } from "../results/rollout.ts";
import { rolloutSpecOf } from "../rollout-spec.ts";
import { defineRoute, type Call } from "../route.ts";
import { configurationSchema } from "../schemas/configuration.ts";
import { createRolloutSchema, type CreateRollout } from "../schemas/rollout.ts";
import { ADMISSION_ERRORS, requireEffect, requireSleepers, versionOf } from "../specification.ts";
import { wireRollout } from "../wire/rollout.ts";
import { findApplication, findView } from "./lookup.ts";

const NO_QUERY = z.strictObject({});

export const rolloutRoutes = [
  defineRoute({
    method: "POST",
    path: "/applications/:id/rollouts",
    tag: "Rollouts",
    summary: "Activate a configuration, or a stored version, in steps",
    query: NO_QUERY,
    body: createRolloutSchema,
    result: rolloutResult,
    errors: ["APPLICATION_NOT_FOUND", "VERSION_NOT_FOUND", "LEASE_HELD", ...ADMISSION_ERRORS],
    etag: true,
    run: async (call) => ({ result: wireRollout(await begun(call)) }),
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/rollouts",
    tag: "Rollouts",
    summary: "List rollouts, newest first",
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(1_000).optional().describe("Most rollouts to list; default: all"),
      last: z.string().max(100).optional().describe("Id of the last rollout seen: those after it in the list"),
    }),
    result: z.array(rolloutResult),
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { limit, last } = call.query;
      const rollouts: RolloutView[] = await applicationStub(call.env, id).rollouts();
      const index = last === undefined ? -1 : rollouts.findIndex(({ rollout }) => rollout.id === last);
      if (last !== undefined && index === -1) throw invalid({ last: "is not a rollout of this application" });
      const rest = rollouts.slice(index + 1);
      return { result: rest.slice(0, limit ?? rest.length).map(wireRollout) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/rollouts/:rollout",
    tag: "Rollouts",
    summary: "Get a rollout",
    query: NO_QUERY,
    result: rolloutResult,
    errors: ["APPLICATION_NOT_FOUND", "ROLLOUT_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const view: RolloutView = await applicationStub(call.env, id).rolloutOf(call.params["rollout"] ?? "");
      return { result: wireRollout(view) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/applications/:id/rollouts/:rollout",
    tag: "Rollouts",
    summary: "Forget a rollout that is over",
    query: NO_QUERY,
    result: message,
    errors: ["APPLICATION_NOT_FOUND", "ROLLOUT_NOT_FOUND", "ROLLOUT_IN_USE", "LEASE_HELD"],
    etag: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const rollout = call.params["rollout"] ?? "";
      const isDeleted = await applicationStub(call.env, id).deleteRollout(rollout, guardOf(call));
      // An earlier try with this key may have deleted it without being heard.
      if (!isDeleted && !call.isRetry) throw rolloutNotFound(rollout);
      return { result: { message: `rollout ${rollout.slice(0, 100)} is deleted; what runs stays as it is` } };
    },
  }),
];

async function begun(call: Call<unknown, CreateRollout>): Promise<RolloutView> {
  const { body } = call;
  const application = applicationStub(call.env, findApplication(call).id);
  const { row, configuration: active } = await findView(call);
  requireEffect(body.target_configuration ?? {}, row.spec, "target_configuration");
  const spec = rolloutSpecOf(body, { policy: row.spec.rollout ?? null, wanted: wantedOf(row.spec) });
  let begunRollout: RolloutView | null = null;
  const begin = async (target: Parameters<typeof application.rollout>[0]["target"], configuration: typeof active) => {
    const change = { configuration };
    await withinQuota(call, row.id, change, async (grant): Promise<ApplicationView> => {
      const view: RolloutView = await application.rollout({ spec, target }, guardOf(call), grant);
      begunRollout = view;
      return view.application;
    });
  };
  requireSleepers(body.target_configuration ?? {}, row.spec, "target_configuration");
  if (body.target_version === undefined) {
    const { written, pinned } = splitPin(mergeConfiguration(active, body.target_configuration ?? {}));
    const merged = validate(z.strictObject({ target_configuration: configurationSchema }), {
      target_configuration: written,
    }).target_configuration;
    const image = { field: "target_configuration.image", pinned };
    const version = await versionOf(call, merged, "application", image);
    const target = { applicationId: row.id, configuration: version.configuration, field: "target_configuration" };
    await withReferences(call, target, async () => await begin(version, version.configuration));
  } else {
    const { configuration } = await application.configurationOf(body.target_version);
    const target = { applicationId: row.id, configuration, field: "target_version" };
    await withReferences(call, target, async () => await begin(body.target_version ?? 0, configuration));
  }
  if (begunRollout === null) throw new Error("a rollout that was begun has no view");
  return begunRollout;
}
