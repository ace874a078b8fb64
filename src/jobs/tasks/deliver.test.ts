import { describe, it, onTestFinished, vi } from "vitest";
import { refuse } from "../../containers/refusal.ts";
import type { Traffic } from "../../orchestrator/rollouts/mark.ts";
import type { Routing } from "../../orchestrator/routing.ts";
import { deliver, type Pool } from "./deliver.ts";
import type { HttpWork } from "./task.ts";

function routing(traffic?: Traffic): Routing {
  return {
    applicationId: "a",
    accountId: "b",
    name: "web",
    ingress: "private",
    port: 8_080,
    desired: 2,
    target: 20,
    members: [
      { deploymentId: "old", instanceId: "old" },
      { deploymentId: "new", instanceId: "new", isTarget: true },
    ],
    ...(traffic === undefined ? {} : { traffic, rolloutId: "r" }),
  };
}

const WORK: HttpWork = {
  path: "/",
  method: "POST",
  headers: {},
  timeoutMs: 5_000,
  retries: 0,
  backoffMs: 0,
  maxBackoffMs: 0,
};
const request = () => new Request("http://web.gantry.internal/", { method: "POST", body: "work" });

async function deliverTo(send: Pool["send"], snapshot: Routing): Promise<unknown> {
  const pool: Pool = { routing: async () => snapshot, send };
  return await deliver(pool, WORK, () => request, new AbortController().signal);
}

/** Who got how many of a hundred tasks. */
async function shares(snapshot: Routing): Promise<Record<string, number>> {
  const got: Record<string, number> = { old: 0, new: 0 };
  for (let nth = 0; nth < 100; nth += 1) {
    vi.spyOn(Math, "random").mockReturnValue(nth / 100);
    await deliverTo(async ({ deploymentId }) => {
      got[deploymentId] = (got[deploymentId] ?? 0) + 1;
      return new Response();
    }, snapshot);
  }
  return got;
}

describe("a task, while a rollout shares requests out", () => {
  it.for([0, 25, 100])("goes to the new version for %d %% of them", async (percentage, { expect }) => {
    onTestFinished(() => void vi.restoreAllMocks());
    const got = await shares(routing({ kind: "split", percentage, sticky: null }));
    expect(got).toEqual({ old: 100 - percentage, new: percentage });
  });

  it("goes to the other version where its own has nobody who takes it, once", async ({ expect }) => {
    const asked: string[] = [];
    const end = await deliverTo(
      async ({ deploymentId }) => {
        asked.push(deploymentId);
        return deploymentId === "new" ? refuse("closed") : new Response();
      },
      routing({ kind: "split", percentage: 100, sticky: { by: "cookie" } }),
    );
    expect([asked, end]).toEqual([["new", "old"], { kind: "succeeded", status: 200 }]);
  });
});
