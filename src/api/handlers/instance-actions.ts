/** Actions on one instance: start, stop, sleep, restart, destroy, cordon, uncordon. Each is done once, however often it is sent. */
import * as z from "zod";
import { INSTANCE_ACTIONS, type InstanceAction } from "../../orchestrator/instance-actions.ts";
import type { InstanceView } from "../../orchestrator/views.ts";
import { applicationStub } from "../../stubs.ts";
import { guardOf } from "../guard.ts";
import { message } from "../results/common.ts";
import { instanceResult } from "../results/instance.ts";
import { defineRoute } from "../route.ts";
import { wireInstance } from "../wire/instance.ts";
import { findApplication, instanceNotFound } from "./lookup.ts";

const SUMMARIES: Readonly<Record<InstanceAction, string>> = {
  start: "Start an instance that a user stopped, or at once what waits for its next start",
  stop: "Stop an instance; it keeps its place and stays stopped until it is started",
  sleep: "Stop an instance that is called by name; the next call starts it",
  restart: "Stop an instance and start it again",
  destroy: "Destroy an instance; another is placed in its stead",
  cordon: "Keep new traffic from an instance that runs on",
  uncordon: "Give an instance traffic again",
};

export const instanceActionRoutes = INSTANCE_ACTIONS.map((action) =>
  defineRoute({
    method: "POST",
    path: `/applications/:id/instances/:instance/${action}`,
    tag: "Instances",
    summary: SUMMARIES[action],
    scope: "operate",
    query: z.strictObject({}),
    result: action === "destroy" ? z.union([instanceResult, message]) : instanceResult,
    errors: [
      "APPLICATION_NOT_FOUND",
      "INSTANCE_NOT_FOUND",
      "INSTANCE_HELD",
      "INSTANCE_NOT_NAMED",
      "INSTANCE_LEAVING",
      "INSTANCE_NOT_RUNNING",
      "LEASE_HELD",
    ],
    etag: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const key = call.params["instance"] ?? "";
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
