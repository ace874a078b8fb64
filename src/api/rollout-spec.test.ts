/** From bodies as clients send them to what the scheduler runs. */
import { describe, it } from "vitest";
import { GantryError } from "../errors.ts";
import { DEFAULT_POLICY } from "../orchestrator/rollouts/rollout.ts";
import { rolloutSpecOf, type Surroundings } from "./rollout-spec.ts";
import { createRolloutSchema } from "./schemas/rollout.ts";

const TEN: Surroundings = { policy: null, wanted: 10 };
const BODY = { description: "d", strategy: "rolling", target_version: 2 };

const specOf = (body: object, surroundings = TEN) =>
  rolloutSpecOf(createRolloutSchema.parse({ ...BODY, ...body }), surroundings);
const marksOf = (body: object, wanted = 10) =>
  specOf(body, { policy: null, wanted }).steps.map(({ percentage, waits }) =>
    waits === true ? `${percentage} waits` : percentage,
  );
const stepOf = (percentage: number) => ({ step_size: { percentage }, description: `to ${percentage}` });

describe("the steps of a rollout", () => {
  it("are those of wrangler, in its words", ({ expect }) => {
    expect(specOf({ steps: [stepOf(20), stepOf(100)] }).steps).toEqual([
      { percentage: 20, description: "to 20" },
      { percentage: 100, description: "to 100" },
    ]);
  });

  it.for([
    [{}, [100]],
    [{ step_percentage: 100 }, [100]],
    [{ step_percentage: 25 }, [25, 50, 75, 100]],
    [{ step_percentage: 30 }, [30, 60, 90, 100]],
    [{ strategy: "blue_green" }, [100]],
    [{ strategy: "new_instances", step_percentage: 50 }, [50, 100]],
    [{ strategy: "new_instances", steps: [stepOf(5), stepOf(100)] }, [5, 100]],
    [{ strategy: "new_instances" }, [10, 25, 50, 100]],
    [{ strategy: "new_instances", percentage: 100 }, [10, 25, 50, 100]],
    [{ strategy: "new_instances", percentage: 30 }, [10, 25, "30 waits", 100]],
    [{ strategy: "new_instances", percentage: 10 }, ["10 waits", 100]],
    [{ strategy: "new_instances", percentage: 0 }, ["0 waits", 100]],
    [{ strategy: "new_instances", kind: "full_manual", percentage: 40 }, ["40 waits", 100]],
    [{ strategy: "new_instances", kind: "full_manual", percentage: 100 }, [100]],
  ] as const)("of %j of ten instances are %j", ([body, marks], { expect }) => {
    expect(marksOf(body)).toEqual(marks);
  });

  it.for([
    [0, [10, 25, 50, 100]],
    [1, [100]],
    [2, [50, 100]],
    [3, [34, 50, 100]],
    [8, [13, 25, 50, 100]],
    [100, [10, 25, 50, 100]],
  ] as const)("of new_instances begin with one instance of %i", ([wanted, marks], { expect }) => {
    expect(marksOf({ strategy: "new_instances" }, wanted)).toEqual(marks);
  });
});

describe("how instances are replaced", () => {
  it("is what the body says, else the application, else the default", ({ expect }) => {
    expect(specOf({})).toMatchObject(DEFAULT_POLICY);
    const policy = { maxSurge: { count: 2 }, autoRevert: false, minHealthyMs: 1_000 };
    expect(specOf({ max_surge: "50%" }, { policy, wanted: 10 })).toMatchObject({
      ...DEFAULT_POLICY,
      maxSurge: { percentage: 50 },
      autoRevert: false,
      minHealthyMs: 1_000,
    });
  });

  it("takes every field", ({ expect }) => {
    const body = {
      max_surge: 0,
      max_unavailable: "10%",
      min_healthy_time: "30s",
      progress_deadline: null,
      auto_revert: false,
      scale_down_delay: 60,
    };
    expect(specOf(body)).toMatchObject({
      maxSurge: { count: 0 },
      maxUnavailable: { percentage: 10 },
      minHealthyMs: 30_000,
      progressDeadlineMs: null,
      autoRevert: false,
      scaleDownDelayMs: 60_000,
    });
  });

  it.for([
    [{ max_surge: 0 }, null, "max_surge"],
    [{ max_unavailable: "0%" }, { maxSurge: { count: 0 }, maxUnavailable: { count: 1 } }, "max_unavailable"],
    [{ min_healthy_time: "10m" }, null, "min_healthy_time"],
    [{ progress_deadline: "10s" }, null, "progress_deadline"],
    [{ progress_deadline: 30 }, { minHealthyMs: 60_000 }, "progress_deadline"],
    [{ strategy: "blue_green", progress_deadline: 5 }, null, "progress_deadline"],
  ] as const)("is refused where nothing could come of it: %j over %j", ([body, policy, field], { expect }) => {
    let thrown: unknown = null;
    try {
      specOf(body, { policy, wanted: 10 });
    } catch (error) {
      thrown = error;
    }
    expect(GantryError.is(thrown) && [thrown.code, Object.keys(thrown.details)]).toEqual(["VALIDATE_INPUT", [field]]);
  });

  it("of blue_green does not mind a policy without surge", ({ expect }) => {
    const policy = { maxSurge: { count: 0 }, maxUnavailable: { count: 0 } };
    expect(specOf({ strategy: "blue_green" }, { policy, wanted: 1 }).strategy).toBe("blue_green");
  });
});

describe("gates and stickiness", () => {
  it("have their defaults said out loud", ({ expect }) => {
    const gates = [
      { name: "errors", type: "error_rate", max_ratio: 0.05 },
      { name: "team", type: "webhook", url: "https://example.com/ok" },
      { name: "deep", type: "check", path: "/deep" },
    ];
    const measured = { intervalMs: 10_000, count: 1, failureLimit: 0, timeoutMs: 10_000, isDryRun: false };
    expect(specOf({ step_percentage: 50, gates }).gates).toEqual([
      { ...measured, name: "errors", type: "error_rate", maxRatio: 0.05, minRequests: 1 },
      { ...measured, name: "team", type: "webhook", url: "https://example.com/ok" },
      { ...measured, name: "deep", type: "check", path: "/deep", port: null, expectStatus: [] },
    ]);
  });

  it("are as they are said", ({ expect }) => {
    const measured = { interval: "1m", count: 3, failure_limit: 1, timeout: 2, dry_run: true };
    const gates = [
      { ...measured, name: "errors", type: "error_rate", max_ratio: 0, min_requests: 50 },
      { ...measured, name: "deep", type: "check", path: "/d?x=1", port: 9_000, expect_status: [200, 204] },
    ];
    const kept = { intervalMs: 60_000, count: 3, failureLimit: 1, timeoutMs: 2_000, isDryRun: true };
    expect(specOf({ step_percentage: 50, gates }).gates).toEqual([
      { ...kept, name: "errors", type: "error_rate", maxRatio: 0, minRequests: 50 },
      { ...kept, name: "deep", type: "check", path: "/d?x=1", port: 9_000, expectStatus: [200, 204] },
    ]);
  });

  it.for([
    [undefined, null],
    [{ cookie: true }, { by: "cookie" }],
    [{ header: "X-User" }, { by: "header", name: "X-User" }],
  ] as const)("%j is %j", ([sticky, kept], { expect }) => {
    expect(specOf({ strategy: "new_instances", sticky }).sticky).toEqual(kept);
  });
});
