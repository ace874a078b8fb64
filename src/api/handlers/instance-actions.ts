/** Actions on one instance: start, stop, sleep, restart, destroy, cordon, uncordon. Each is done once, however often it is sent. */
import * as z from "zod";
import { INSTANCE_ACTIONS, type InstanceAction } from "../../orchestrator/instance-actions.ts";
import type { InstanceView } from "../../orchestrator/views.ts";
import { applicationStub } from "../../stubs.ts";
import { guardOf } from "../guard.ts";
import { message } from "../results/common.ts";
import { instanceResult } from "../results/instance.ts";
import { defineRoute, type Call } from "../route.ts";
import { startChosen } from "../instance-start.ts";
import { choiceOf, startSchema } from "../schemas/start.ts";
import { allows } from "../scopes.ts";
import { isBare } from "../../orchestrator/start/choice.ts";
import { GantryError } from "../../errors.ts";
import { wireInstance } from "../wire/instance.ts";
import { findApplication, instanceNotFound } from "./lookup.ts";

/** Where it is to be, and whether there is room, is known by then; nobody's turn is waited for. */
const BEGUN_WITHIN_MS = 5_000;

/** Of a start with a body. */
const START_ERRORS = [
  "START_CONFLICT",
  "SNAPSHOT_NOT_FOUND",
  "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE",
  "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND",
  "SURPASSED_BASE_LIMITS",
  "SURPASSED_TOTAL_LIMITS",
  "INSTANCE_NOT_READY",
  "INSTANCE_CANNOT_START",
  "INSTANCE_LIMIT_REACHED",
  "QUEUE_FULL",
  "MASTER_KEY_MISSING",
] as const;

const SUMMARIES: Readonly<Record<InstanceAction, string>> = {
  start:
    "Start an instance that a user stopped, or at once what waits for its next start; with a body, one that is called by name, with that in place of its configuration",
  stop: "Stop an instance; it keeps its place and stays stopped until it is started",
  sleep: "Stop an instance that is called by name; the next call starts it",
  restart: "Stop an instance and start it again",
  destroy: "Destroy an instance; another is placed in its stead",
  cordon: "Keep new traffic from an instance that runs on",
  uncordon: "Give an instance traffic again",
};

/** Another image, and what it is to do, is a change of what is deployed, of one instance only. */
async function startWith(
  call: Call<unknown, z.output<typeof startSchema> | null>,
  applicationId: string,
  key: string,
): Promise<InstanceView> {
  const choice = choiceOf(call.body ?? {});
  if (!isBare(choice) && !allows(call.actor.scopes, "deploy")) {
    const why = "to start an instance with something else than its configuration needs a token of scope deploy";
    throw new GantryError("FORBIDDEN", why, { scope: "deploy" });
  }
  const request = { key, choice, waitMs: BEGUN_WITHIN_MS, until: "begun", isAction: true } as const;
  const view = await startChosen(call, applicationId, { ...request, actor: call.actor.name }, guardOf(call));
  if (view === null) throw instanceNotFound(key);
  return view;
}

export const instanceActionRoutes = INSTANCE_ACTIONS.map((action) =>
  defineRoute({
    ...(action === "start" ? { body: startSchema.nullable(), isBodyOptional: true } : {}),
    method: "POST",
    path: `/applications/:id/instances/:instance/${action}`,
    tag: "Instances",
    summary: SUMMARIES[action],
    scope: "operate",
    query: z.strictObject({}),
    result: action === "destroy" ? z.union([instanceResult, message]) : instanceResult,
    errors: [
      ...(action === "start" ? START_ERRORS : []),
      "APPLICATION_NOT_FOUND",
      "INSTANCE_NOT_FOUND",
      "INSTANCE_HELD",
      "INSTANCE_NOT_NAMED",
      "INSTANCE_LEAVING",
      "JOB_INSTANCE",
      "INSTANCE_NOT_RUNNING",
      "LEASE_HELD",
    ],
    etag: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const key = call.params["instance"] ?? "";
      if (call.body !== null && action === "start") return { result: wireInstance(id, await startWith(call, id, key)) };
      const view: InstanceView | null = await applicationStub(call.env, id).act(
        key,
        action,
        call.actor.name,
        guardOf(call),
      );
      if (view !== null) return { result: wireInstance(id, view) };
      // An earlier try with this key has destroyed it.
      if (action === "destroy" && call.isRetry) return { result: { message: `instance ${key} is destroyed` } };
      throw instanceNotFound(key);
    },
  }),
);
