import * as fc from "fast-check";
import { describe, it } from "vitest";
import { applicationState, countHealth, instanceState } from "./health.ts";
import { intendPlacement } from "./intents.ts";
import type { Deployment } from "./plan/deployment.ts";

const base = intendPlacement("d", 0, 1, 0).next;
const row = (fields: Partial<Deployment>): Deployment => ({ ...base, ...fields });
const ready = row({ phase: "running", ready: true, readyAt: 1 });
const unhealthy = row({ phase: "running", ready: false, readyAt: 1 });
const unproved = row({ phase: "running", ready: false, readyAt: null });
const failing = row({ phase: "pending", failures: 1 });
const held = row({ phase: "pending", held: true, failures: 2 });
const cordoned = row({ phase: "running", ready: true, readyAt: 1, cordoned: true });
const stopped = row({ phase: "pending", last: { kind: "stopped", exitCode: 0, reason: "Stopped", at: 0 } });

describe("an instance", () => {
  it.for([
    [ready, "running"],
    [unhealthy, "unhealthy"],
    [unproved, "provisioning"],
    [base, "provisioning"],
    [row({ phase: "pending" }), "provisioning"],
    [failing, "failed"],
    [stopped, "stopped"],
    [held, "stopped"],
    [cordoned, "running"],
    [row({ phase: "stopping" }), "stopping"],
  ] as const)("is shown by what it does and has done: %o", ([deployment, state], { expect }) => {
    expect(instanceState(deployment)).toBe(state);
  });
});

describe("the counters", () => {
  it("count each deployment where it belongs, and what is missing as scheduling", ({ expect }) => {
    expect(countHealth([ready, unhealthy, unproved, base, failing, row({ phase: "stopping" })], 7)).toEqual({
      active: 2,
      healthy: 1,
      failed: 1,
      starting: 2,
      scheduling: 2,
    });
  });

  it("count one that is held stopped nowhere, and one without traffic as active and not healthy", ({ expect }) => {
    const none = { active: 0, healthy: 0, failed: 0, starting: 0, scheduling: 0 };
    expect(countHealth([held, ready], 2)).toEqual({ ...none, active: 1, healthy: 1 });
    expect(countHealth([row({ phase: "stopping", held: true, stopReason: "StoppedByUser" })], 1)).toEqual(none);
    expect(countHealth([cordoned], 1)).toEqual({ ...none, active: 1 });
  });

  it("add up to what is wanted, or to what is there when that is more", ({ expect }) => {
    const some = fc.array(fc.constantFrom(ready, unhealthy, unproved, base, failing, stopped), { maxLength: 10 });
    fc.assert(
      fc.property(some, fc.nat(12), (deployments, desired) => {
        const { active, failed, starting, scheduling } = countHealth(deployments, desired);
        expect(active + failed + starting + scheduling).toBe(Math.max(desired, deployments.length));
      }),
    );
  });

  it("give the state by wrangler's rule: degraded, then provisioning, then active, then ready", ({ expect }) => {
    const none = { active: 0, healthy: 0, failed: 0, starting: 0, scheduling: 0 };
    expect(applicationState({ ...none, failed: 1, starting: 1, active: 1 })).toBe("degraded");
    expect(applicationState({ ...none, starting: 1, active: 1 })).toBe("provisioning");
    expect(applicationState({ ...none, scheduling: 1, active: 1 })).toBe("provisioning");
    expect(applicationState({ ...none, active: 1 })).toBe("active");
    expect(applicationState(none)).toBe("ready");
  });
});
