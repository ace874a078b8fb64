/** placements: the lifetimes of containers in a deployment, with what happened in each. */
import * as z from "zod";
import { GantryError } from "../../errors.ts";
import { parsePlacementId, placementId, type PlacementView } from "../../orchestrator/placements.ts";
import { applicationStub } from "../../stubs.ts";
import { guardOf } from "../guard.ts";
import { placementResult } from "../results/deployment.ts";
import { defineRoute, type Call } from "../route.ts";
import { wirePlacementWithEvents } from "../wire/placement.ts";
import { contextOf, findDeployment, findOwner, lookUp } from "./deployment-lookup.ts";

const NO_QUERY = z.strictObject({});
const TAG = "Placements";

export const placementRoutes = [
  defineRoute({
    method: "GET",
    path: "/deployments/:deployment/placements",
    tag: TAG,
    summary: "List the placements of a deployment, newest first, with their events",
    query: NO_QUERY,
    result: z.array(placementResult),
    errors: ["DEPLOYMENT_NOT_FOUND"],
    run: async (call) => {
      const id = call.params["deployment"] ?? "";
      const found = await findDeployment(call, id);
      const { addresses } = await contextOf(call, [found]);
      const application = applicationStub(call.env, found.application.row.id);
      const placements: PlacementView[] = await application.placements(id);
      const current = found.instance.deployment.generation;
      return {
        result: placements.map((placement) => {
          return wirePlacementWithEvents(placement, placement.generation === current ? addresses.get(id) : {});
        }),
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/placements/:placement",
    tag: TAG,
    summary: "Get a placement with its events",
    query: NO_QUERY,
    result: placementResult,
    errors: ["PLACEMENT_NOT_FOUND"],
    run: async (call) => ({ result: await shown(call) }),
  }),
  defineRoute({
    method: "POST",
    path: "/placements/:placement",
    tag: TAG,
    summary: "Stop a placement and begin the next one in its deployment",
    scope: "operate",
    query: NO_QUERY,
    body: z.strictObject({
      replace: z.boolean().describe("`true`: stop it, if it is the current one, and start another; `false`: nothing"),
    }),
    result: placementResult,
    errors: [
      "PLACEMENT_NOT_FOUND",
      "PLACEMENT_NOT_CURRENT",
      "INSTANCE_HELD",
      "INSTANCE_LEAVING",
      "JOB_INSTANCE",
      "LEASE_HELD",
      "PRECONDITION_FAILED",
    ],
    run: async (call) => {
      // Whether it is there at all.
      await shown(call);
      if (!call.body.replace) return { result: await shown(call) };
      const { deploymentId, generation } = idOf(call);
      const application = applicationStub(call.env, (await owner(call)).id);
      const view = await application.replacePlacement(deploymentId, generation, call.actor.name, guardOf(call));
      if (view === null) {
        const text = `placement ${placementId(deploymentId, generation)} has ended with its deployment`;
        throw new GantryError("PLACEMENT_NOT_CURRENT", text, { deployment_id: deploymentId });
      }
      return { result: await shown(call) };
    },
  }),
];

async function shown(call: Call<unknown, unknown>) {
  const { deploymentId, generation } = idOf(call);
  const application = applicationStub(call.env, (await owner(call)).id);
  const placements: PlacementView[] = await application.placements(deploymentId);
  const placement = placements.find((candidate) => candidate.generation === generation);
  if (placement === undefined) throw notFound(call);
  const found = await lookUp(call, deploymentId);
  if (found === null || found.instance.deployment.generation !== generation) return wirePlacementWithEvents(placement);
  const { addresses } = await contextOf(call, [found]);
  return wirePlacementWithEvents(placement, addresses.get(deploymentId));
}

function idOf(call: Call<unknown, unknown>) {
  const parsed = parsePlacementId(call.params["placement"] ?? "");
  if (parsed === null) throw notFound(call);
  return parsed;
}

async function owner(call: Call<unknown, unknown>) {
  try {
    return await findOwner(call, idOf(call).deploymentId);
  } catch (error) {
    if (GantryError.is(error) && error.code === "DEPLOYMENT_NOT_FOUND") throw notFound(call);
    throw error;
  }
}

function notFound({ params }: Call<unknown, unknown>): GantryError {
  const placement = (params["placement"] ?? "").slice(0, 100);
  return new GantryError("PLACEMENT_NOT_FOUND", `there is no placement ${placement}`, { placement });
}
