/**
 * What people do to a rollout, and waiting for what it does by itself. A refused action is an answer, not an error, as
 * Cloudflare has it: `success` is false, and `message` says why and what to do instead.
 */
import * as z from "zod";
import { GantryError } from "../../errors.ts";
import type { RolloutActed } from "../../orchestrator/application-rollouts.ts";
import { rolloutNotFound } from "../../orchestrator/rollouts/rollout-control.ts";
import type { RolloutView } from "../../orchestrator/views.ts";
import type { Waited } from "../../orchestrator/waits.ts";
import { applicationStub } from "../../stubs.ts";
import { guardOf } from "../guard.ts";
import { rolloutActionResult, rolloutResult } from "../results/rollout.ts";
import { defineRoute } from "../route.ts";
import { rolloutActionSchema } from "../schemas/rollout.ts";
import { wireRollout } from "../wire/rollout.ts";
import { explainRollout } from "../wire/rollout-words.ts";
import { findApplication } from "./lookup.ts";
import { waitTimeout } from "./wait.ts";

export const rolloutActionRoutes = [
  defineRoute({
    method: "POST",
    path: "/applications/:id/rollouts/:rollout",
    tag: "Rollouts",
    summary: "Move a rollout on or back, hold it, or end it",
    scope: "operate",
    query: z.strictObject({}),
    body: rolloutActionSchema,
    result: rolloutActionResult,
    errors: ["APPLICATION_NOT_FOUND", "ROLLOUT_NOT_FOUND", "LEASE_HELD"],
    etag: true,
    run: async (call) => {
      const { id } = findApplication(call);
      const { action } = call.body;
      const rollout = call.params["rollout"] ?? "";
      const application = applicationStub(call.env, id);
      const acted: RolloutActed = await application.rolloutAction(rollout, action, call.actor.name, guardOf(call));
      const message = acted.success ? explainRollout(acted.rollout) : `${action} is refused: ${acted.message}`;
      return { result: { success: acted.success, message, rollout: wireRollout(acted.rollout) } };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/applications/:id/rollouts/:rollout/wait",
    tag: "Rollouts",
    summary: "Wait until a rollout is over, or does nothing more by itself",
    query: z.strictObject({ timeout: waitTimeout }),
    result: rolloutResult,
    errors: ["APPLICATION_NOT_FOUND", "ROLLOUT_NOT_FOUND", "WAIT_TIMEOUT", "QUEUE_FULL"],
    run: async (call) => {
      const { id } = findApplication(call);
      const key = call.params["rollout"] ?? "";
      const { timeout } = call.query;
      const waited: Waited<RolloutView> = await applicationStub(call.env, id).waitForRollout(key, timeout);
      const { view, isReached } = waited;
      if (view === null) throw rolloutNotFound(key);
      if (isReached) return { result: wireRollout(view) };
      const { phase } = view.rollout;
      const text = `rollout ${key} goes on, ${explainRollout(view)}: wait again`;
      throw new GantryError("WAIT_TIMEOUT", text, { phase });
    },
  }),
];
