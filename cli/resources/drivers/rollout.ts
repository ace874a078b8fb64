/**
 * Rollouts: how a configuration becomes active. Of an application in the manifest, that of its configuration; of another,
 * that of a version that is stored there. What is active already is not rolled out again.
 */
import type { Json, JsonObject } from "../resource.ts";
import { SAME, type Change, type Comparison, type Driver, type Live, type Write } from "../driver.ts";
import { configurationPlan, liveOf, putWhole } from "./application.ts";

/** Fields of its body that do not say how it goes. */
const SAYS_NO_WAY: ReadonlySet<string> = new Set(["application", "description", "whole"]);

/** Its body carries, beside the specification, that of the application in `whole`; its live part is the application. */
export const rollouts: Driver = {
  list: () => Promise.resolve([]),

  compare: async ({ api, body, live, isPending }) => {
    // It begins with what it is to become.
    if (live === null) return SAME;
    const { whole, target_version: target } = body;
    if (whole === undefined) {
      const from = live.shown["version"] ?? null;
      const changes = from === target ? [] : [{ field: "version", from, to: target ?? null }];
      return { ...SAME, changes };
    }
    if (isPending) return pending(whole as JsonObject, live);
    const plan = await configurationPlan(api, live, whole as JsonObject);
    return { ...plan, replace: null, note: noteOf(body, takenOut(plan.changes)) };
  },

  create: () => Promise.resolve(null),
  update: async (write) => {
    const { api, body, live, key, comparison } = write;
    const { result: shown, etag } = await api.send("GET /applications/{id}", { params: { id: live.id } });
    const now = liveOf(shown as unknown as JsonObject, etag);
    const ifMatch = comparison.etag ?? etag;
    // A rollout takes nothing away: what is to go goes with the whole, which is one step.
    if (takenOut(comparison.changes).length > 0) {
      return await putWhole(api, now, body["whole"] as JsonObject, key, ifMatch);
    }
    const sent = { params: { id: live.id }, body: bodyOf(write), idempotencyKey: key };
    const begun = await api.send("POST /applications/{id}/rollouts", ifMatch === null ? sent : { ...sent, ifMatch });
    return { ...now, shown: { ...now.shown, active_rollout_id: begun.result.id } };
  },
  remove: () => Promise.resolve(),
};

function takenOut(changes: readonly Change[]): string[] {
  return changes.filter(({ to }) => to === null).map(({ field }) => field);
}

/** Null: nothing of what the manifest says about it is lost. */
function noteOf(body: JsonObject, fields: readonly string[]): string | null {
  const isPlain = Object.entries(body).every(([field, value]) => {
    return SAYS_NO_WAY.has(field) || (field === "strategy" && value === "rolling");
  });
  if (isPlain || fields.length === 0) return null;
  return `goes in one step, without steps and gates: ${fields.join(", ")} ${fields.length === 1 ? "is" : "are"} taken out`;
}

function bodyOf({ body }: Write): JsonObject {
  const { application: _, whole, description = "gantry apply", ...rest } = body;
  const target = whole === undefined ? {} : { target_configuration: (whole as JsonObject)["configuration"] as Json };
  return { description, strategy: "rolling", ...rest, ...target };
}

/** Nobody can say what it comes to: the application itself is asked when its turn has come. */
function pending(whole: JsonObject, live: Live): Comparison {
  const from = live.shown["configuration"] ?? null;
  const to = whole["configuration"] ?? null;
  return { ...SAME, changes: [{ field: "configuration", from, to }] };
}
