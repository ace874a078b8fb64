/** Waiting for a state: the answer comes as soon as it is reached, or says after the timeout how it is. */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { GantryError } from "../../errors.ts";
import { APPLICATION_CONDITIONS } from "../../orchestrator/conditions.ts";
import type { ApplicationView, InstanceView } from "../../orchestrator/views.ts";
import { MAX_WAIT_MS, type Waited } from "../../orchestrator/waits.ts";
import { applicationStub } from "../../stubs.ts";
import { applicationResult } from "../results/application.ts";
import { instanceResult, instanceState } from "../results/instance.ts";
import { defineRoute } from "../route.ts";
import { wireApplication } from "../wire/application.ts";
import { wireInstance } from "../wire/instance.ts";
import { findApplication, instanceNotFound, notFound } from "./lookup.ts";

export const waitTimeout = z
  .string()
  .default("25")
  .transform((text) => parseDuration(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text) ?? -1)
  .refine((ms) => ms >= 0 && ms <= MAX_WAIT_MS, "must be 0 to 25 seconds, or a duration such as 10s")
  .describe("How long to wait, in seconds or as 10s; at most and by default 25 s");

export const waitRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/wait",
    tag: "Applications",
    summary: "Wait until an application is in a state",
    query: z.strictObject({
      state: z
        .enum(APPLICATION_CONDITIONS)
        .describe(
          "`ready`: every wanted instance takes traffic. `settled`: that, on the active version, and nothing is under way. `active`, `provisioning`, `degraded`: the application's `state`",
        ),
      timeout: waitTimeout,
    }),
    result: applicationResult,
    errors: ["APPLICATION_NOT_FOUND", "WAIT_TIMEOUT", "QUEUE_FULL"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { state, timeout: ms } = call.query;
      const waited: Waited<ApplicationView> = await applicationStub(call.env, id).waitForApplication(state, ms);
      const { view, isReached } = waited;
      if (view === null) throw notFound(call.params["id"] ?? "");
      if (!isReached) throw timedOut(`application ${view.row.name}`, view.state, state);
      return { result: wireApplication(view), etag: view.etag };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances/:instance/wait",
    tag: "Instances",
    summary: "Wait until an instance is in a state",
    query: z.strictObject({ state: instanceState.describe("The state to wait for"), timeout: waitTimeout }),
    result: instanceResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND", "WAIT_TIMEOUT", "QUEUE_FULL"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { state, timeout: ms } = call.query;
      const key = call.params["instance"] ?? "";
      const waited: Waited<InstanceView> = await applicationStub(call.env, id).waitForInstance(key, state, ms);
      const { view, isReached } = waited;
      if (view === null) throw instanceNotFound(key);
      if (!isReached) throw timedOut(`instance ${view.name}`, view.state, state);
      return { result: wireInstance(id, view) };
    },
  }),
];

function timedOut(what: string, state: string, wanted: string): GantryError {
  return new GantryError("WAIT_TIMEOUT", `${what} is ${state}, not ${wanted}: wait again`, { state, wanted });
}
