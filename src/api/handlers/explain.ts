/** Why an instance is where it is, and what the planner would do next. Both only look. */
import * as z from "zod";
import type { InstanceView, PlannedView } from "../../orchestrator/views.ts";
import { applicationStub } from "../../stubs.ts";
import { explainResult, plannedResult } from "../results/explain.ts";
import { defineRoute } from "../route.ts";
import { wireExplanation, wirePlanned } from "../wire/explain.ts";
import { findApplication, instanceNotFound } from "./lookup.ts";

const NO_QUERY = z.strictObject({});

export const explainRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances/:instance_id/explain",
    tag: "Instances",
    summary: "Why an instance is where it is: the decision with its score table",
    query: NO_QUERY,
    result: explainResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const wanted = call.params["instance_id"] ?? "";
      const views: InstanceView[] = await applicationStub(call.env, id).instances();
      const view = views.find(({ instanceId, name }) => instanceId === wanted || name === wanted);
      if (view === undefined) throw instanceNotFound(wanted);
      return { result: wireExplanation(view) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/plan",
    tag: "Applications",
    summary: "What the planner would do now, without doing it",
    query: NO_QUERY,
    result: plannedResult,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const planned: PlannedView = await applicationStub(call.env, id).planned();
      return { result: wirePlanned(planned) };
    },
  }),
];
