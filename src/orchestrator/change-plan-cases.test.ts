/** What a change does to deployments in every state in which it may find them. */
import { describe, it } from "vitest";
import { countChange, type InstanceCounts } from "./change-plan.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { Desired } from "./plan/selection.ts";

const NOW = 1_000_000;
const OLD = 1;
const NEW = 2;

function deployment(slot: number, part: Partial<Deployment> = {}): Deployment {
  return {
    id: `d${slot}`,
    slot,
    createdAt: 0,
    phase: "running",
    ready: true,
    generation: 1,
    version: NEW,
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

const counts = (part: Partial<InstanceCounts>): InstanceCounts => ({
  start: 0,
  stop: 0,
  update: 0,
  unchanged: 0,
  ...part,
});
const pending = { phase: "pending", ready: false } as const;

describe("the count of a change", () => {
  it.for<[string, Deployment[], Desired, InstanceCounts]>([
    [
      "counts what begins soon anyway as there",
      [deployment(0, { ...pending, nextStartAt: NOW })],
      desired(1),
      counts({ unchanged: 1 }),
    ],
    [
      "counts what is being stopped to come back as there",
      [deployment(0, { phase: "stopping", ready: false, stopReason: "Restarted", nextStartAt: NOW + 60_000 })],
      desired(1),
      counts({ unchanged: 1 }),
    ],
    [
      "counts what is being stopped to come back as there, in what is wanted",
      [deployment(0, { phase: "stopping", ready: false, stopReason: "Restarted", nextStartAt: NOW + 1, version: OLD })],
      desired(1),
      counts({ unchanged: 1 }),
    ],
    [
      "counts a start that is under way as done",
      [deployment(0, { phase: "starting", ready: false, readyAt: null })],
      desired(1),
      counts({ unchanged: 1 }),
    ],
    [
      "leaves what a user holds, as it is wanted",
      [deployment(0, { ...pending, held: true })],
      desired(1),
      counts({ unchanged: 1 }),
    ],
    [
      "leaves what a user holds while it is still being stopped",
      [deployment(0, { phase: "stopping", ready: false, held: true, stopReason: "StoppedByUser" })],
      desired(1),
      counts({ unchanged: 1 }),
    ],
    [
      "starts in place what waits after a failure in an old version",
      [deployment(0, { ...pending, failures: 2, nextStartAt: NOW + 60_000, version: OLD })],
      desired(1, { strategy: "in-place" }),
      counts({ start: 1 }),
    ],
    [
      "stops everything of what is being deleted",
      [deployment(0), deployment(1, { version: OLD }), deployment(2, { ...pending, held: true })],
      desired(3, { deleting: true }),
      counts({ stop: 2 }),
    ],
    [
      "replaces what is misplaced once, and what is placed instead is in its place",
      [deployment(0), deployment(1)],
      desired(2, { isMisplaced: ({ id }) => id !== "d0" }),
      counts({ update: 1, unchanged: 1 }),
    ],
    [
      "replaces nothing where all are in their places",
      [deployment(0), deployment(1)],
      desired(2, { isMisplaced: () => false }),
      counts({ unchanged: 2 }),
    ],
    ["does not start a cordoned one again", [deployment(0, { cordoned: true })], desired(1), counts({ unchanged: 1 })],
    [
      "counts one beside those in place",
      [deployment(0, { version: OLD })],
      desired(2, { strategy: "in-place" }),
      counts({ start: 1, update: 1 }),
    ],
    ["counts starts beyond what one pass begins", [], desired(500), counts({ start: 500 })],
  ])("%s", ([, deployments, wanted, expected], { expect }) => {
    expect(countChange(deployments, wanted, NOW)).toEqual(expected);
  });

  it("of 1,000 that are misplaced is exact", ({ expect }) => {
    const deployments = Array.from({ length: 1_000 }, (_, slot) => deployment(slot));
    const wanted = desired(1_000, { isMisplaced: () => true });
    expect(countChange(deployments, wanted, NOW)).toEqual(counts({ update: 1_000 }));
  });

  it("is the same however few are played through, also when some are not plain or misplaced", ({ expect }) => {
    const parts: Partial<Deployment>[] = [
      {},
      { version: OLD, phase: "starting", ready: false, readyAt: null },
      { version: OLD, cordoned: true },
      { version: OLD, ready: false, readyAt: null },
      { version: OLD, ...pending, held: true },
    ];
    const all = [...parts, ...Array.from({ length: 40 }, () => ({ version: OLD }))];
    for (const order of [all, all.toReversed()]) {
      const rows = order.map((part, slot) => deployment(slot, part));
      const deployments = [...rows.slice(9), ...rows.slice(0, 9)];
      for (const wanted of [
        desired(all.length),
        desired(30),
        desired(60),
        desired(all.length, { deleting: true }),
        desired(all.length, { strategy: "in-place" }),
        desired(all.length, { isOutdated: () => false, isMisplaced: ({ version }) => version === OLD }),
      ]) {
        expect(countChange(deployments, wanted, NOW, 3)).toEqual(countChange(deployments, wanted, NOW, 1_000));
      }
    }
  });
});
