/** What a container has said over the bridge. Asks its Instance, and wakes nothing else. */
import * as z from "zod";
import { nothingSaid, type Said } from "../../containers/said.ts";
import { iso } from "../../iso.ts";
import { instanceStub } from "../../stubs.ts";
import { saidResult } from "../results/bridge.ts";
import { defineRoute } from "../route.ts";
import { readInstance } from "./instances.ts";
import { findApplication } from "./lookup.ts";

export const bridgeRoutes = [
  defineRoute({
    method: "GET",
    path: "/applications/:id/instances/:instance_id/bridge",
    tag: "Instances",
    summary: "What an instance's container has said over the bridge: progress, result, log, and whether it is busy",
    query: z.strictObject({}),
    result: saidResult,
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const view = await readInstance(call, id);
      const answer: { said: Said | null; busyUntil: number | null } = await instanceStub(
        call.env,
        view.deployment.id,
      ).said();
      return { result: wireSaid(answer.said ?? nothingSaid(0), answer.busyUntil) };
    },
  }),
];

function wireSaid(said: Said, busyUntil: number | null): z.input<typeof saidResult> {
  const { generation, heardAt, progress, result, lines, droppedLines } = said;
  return {
    generation,
    heard_at: heardAt === 0 ? null : iso(heardAt),
    busy_until: busyUntil === null ? null : iso(busyUntil),
    progress: progress === null ? null : { ...progress, at: iso(progress.at) },
    result: result === null ? null : { at: iso(result.at), value: parsed(result.value) },
    log: lines.map(({ at, level, message, fields }) => ({
      at: iso(at),
      level,
      message,
      fields: parsed(fields) as Record<string, z.core.util.JSONType>,
    })),
    dropped_lines: droppedLines,
  };
}

/** Validated and made into text by the bridge. */
function parsed(text: string): z.core.util.JSONType {
  return JSON.parse(text) as z.core.util.JSONType;
}
