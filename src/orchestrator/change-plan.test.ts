import { describe, it } from "vitest";
import * as fc from "fast-check";
import { countChange } from "./change-plan.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { Desired } from "./plan/selection.ts";

const NOW = 1_000_000;
const OLD = 1;
const NEW = 2;

function deployment(slot: number, part: Partial<Deployment> = {}): Deployment {
  return {
    id: `d${String(slot).padStart(5, "0")}`,
    slot,
    createdAt: 0,
    phase: "running",
    ready: true,
    generation: 1,
    version: OLD,
    since: 0,
    readyAt: 0,
    failures: 0,
    losses: 0,
    nextStartAt: 0,
    stopReason: null,
    last: null,
    held: false,
    cordoned: false,
    ...part,
  };
}

const desired = (instances: number, part: Partial<Desired> = {}): Desired => ({
  instances,
  version: NEW,
  isOutdated: (version) => version !== NEW,
  strategy: "rolling",
  deleting: false,
  ...part,
});

const ready = (count: number, version = OLD) =>
  Array.from({ length: count }, (_, slot) => deployment(slot, { version }));

describe("the count of a change", () => {
  it.for([
    ["of nothing", ready(3, NEW), desired(3), { start: 0, stop: 0, update: 0, unchanged: 3 }],
    ["of more", ready(2, NEW), desired(5), { start: 3, stop: 0, update: 0, unchanged: 2 }],
    ["of fewer", ready(5, NEW), desired(2), { start: 0, stop: 3, update: 0, unchanged: 2 }],
    ["of another version", ready(4), desired(4), { start: 0, stop: 0, update: 4, unchanged: 0 }],
    ["of another version and more", ready(2), desired(5), { start: 3, stop: 0, update: 2, unchanged: 0 }],
    ["of another version and fewer", ready(5), desired(2), { start: 0, stop: 3, update: 2, unchanged: 0 }],
    ["to none", ready(3), desired(0), { start: 0, stop: 3, update: 0, unchanged: 0 }],
    ["in place", ready(1), desired(1, { strategy: "in-place" }), { start: 0, stop: 0, update: 1, unchanged: 0 }],
    [
      "beside one that a user holds",
      [deployment(0), deployment(1, { phase: "pending", ready: false, held: true })],
      desired(2),
      { start: 0, stop: 0, update: 1, unchanged: 1 },
    ],
    [
      "beside one that is leaving",
      [deployment(0, { version: NEW }), deployment(1, { phase: "stopping", ready: false, stopReason: "ScaledDown" })],
      desired(1),
      { start: 0, stop: 0, update: 0, unchanged: 1 },
    ],
    [
      "of a version for one that waits after a failure",
      [deployment(0, { phase: "pending", ready: false, failures: 3, nextStartAt: NOW + 60_000 })],
      desired(1),
      { start: 1, stop: 0, update: 0, unchanged: 0 },
    ],
    [
      "of nothing for one that waits after a failure",
      [deployment(0, { phase: "pending", ready: false, failures: 3, nextStartAt: NOW + 60_000, version: NEW })],
      desired(1),
      { start: 0, stop: 0, update: 0, unchanged: 1 },
    ],
  ] as const)("%s is what the planner does", ([, deployments, wanted, counts], { expect }) => {
    expect(countChange(deployments, wanted, NOW)).toEqual(counts);
  });

  it("of 10,000 instances is played through in part, and as exact", ({ expect }) => {
    expect(countChange(ready(10_000), desired(10_000), NOW)).toEqual({
      start: 0,
      stop: 0,
      update: 10_000,
      unchanged: 0,
    });
    expect(countChange(ready(10_000), desired(9_000), NOW)).toEqual({
      start: 0,
      stop: 1_000,
      update: 9_000,
      unchanged: 0,
    });
  });

  it("is the same however few are played through", ({ expect }) => {
    const kind = fc.constantFrom<Partial<Deployment>>(
      {},
      { version: NEW },
      { ready: false, readyAt: null },
      { ready: false, version: NEW },
      { phase: "starting", ready: false, readyAt: null },
      { phase: "starting", ready: false, readyAt: null, version: NEW },
      { cordoned: true },
      { phase: "pending", ready: false, held: true },
      { phase: "pending", ready: false, failures: 2, nextStartAt: NOW + 1 },
      { phase: "stopping", ready: false, stopReason: "Restarted" },
      { phase: "stopping", ready: false, stopReason: "Outdated" },
    );
    // Mostly plain ones, since only these are shortened.
    const kinds = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant({}) },
        { weight: 2, arbitrary: fc.constant({ version: NEW }) },
        kind,
      ),
      {
        maxLength: 24,
      },
    );
    fc.assert(
      fc.property(kinds, fc.integer({ min: 0, max: 24 }), fc.integer({ min: 3, max: 8 }), (parts, instances, most) => {
        const deployments = parts.map((part, slot) => deployment(slot, part));
        const wanted = desired(instances);
        expect(countChange(deployments, wanted, NOW, most)).toEqual(countChange(deployments, wanted, NOW, 1_000));
      }),
      { numRuns: 2_000 },
    );
  });

  it("adds up: what is kept, started and updated is what is wanted", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 20 }), fc.integer({ min: 0, max: 20 }), (current, instances) => {
        const deployments = current.map((isNew, slot) => deployment(slot, { version: isNew ? NEW : OLD }));
        const { start, stop, update, unchanged } = countChange(deployments, desired(instances), NOW);
        expect(start + update + unchanged).toBe(instances);
        expect(stop + update + unchanged).toBe(current.length);
      }),
    );
  });
});
