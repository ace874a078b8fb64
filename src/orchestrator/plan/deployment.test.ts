import { describe, it } from "vitest";
import { intendPlacement } from "../intents.ts";
import {
  isCrashLooping,
  isFailedStart,
  isFailing,
  isFinalStop,
  isLeaving,
  STOP,
  type Deployment,
} from "./deployment.ts";

const NOW = 5_000;

function row(fields: Partial<Deployment>): Deployment {
  return { ...intendPlacement("d", 0, 1, NOW).next, ...fields };
}

const crashed = (fields: Partial<Deployment> = {}): Deployment =>
  row({
    phase: "pending",
    failures: 2,
    nextStartAt: NOW + 10_000,
    last: { kind: "exited", exitCode: 1, reason: "ExitedWithCode", at: NOW },
    ...fields,
  });

describe("a crash loop", () => {
  it("is one that waits after it came to a bad end more than once in a row", ({ expect }) => {
    expect(isCrashLooping(crashed())).toBe(true);
    expect(isCrashLooping(crashed({ last: { kind: "killed", exitCode: null, reason: "Unhealthy", at: NOW } }))).toBe(
      true,
    );
  });

  it.for<[string, Partial<Deployment>]>([
    ["one that runs", { phase: "running" }],
    ["one that a user holds", { held: true }],
    ["a first failure", { failures: 1 }],
    ["one that may start", { nextStartAt: NOW }],
    ["one that the platform lost", { last: { kind: "lost", exitCode: null, reason: "Vanished", at: NOW } }],
    ["one that never ran", { last: null }],
  ])("is not %s", ([, fields], { expect }) => {
    expect(isCrashLooping(crashed(fields))).toBe(false);
  });
});

describe("a failing deployment", () => {
  it("waits after a failure of its own", ({ expect }) => {
    expect(isFailing(crashed({ failures: 1 }))).toBe(true);
    expect(isFailing(crashed({ failures: 0 }))).toBe(false);
    expect(isFailing(crashed({ phase: "running" }))).toBe(false);
  });
});

describe("a deployment on its way out", () => {
  it("is being stopped for good, or was", ({ expect }) => {
    expect(isLeaving(row({ phase: "stopping", stopReason: STOP.scaledDown }))).toBe(true);
    expect(isLeaving(row({ phase: "stopping", stopReason: null }))).toBe(true);
    expect(isLeaving(row({ phase: "stopping", stopReason: STOP.restarted }))).toBe(false);
    const last = { kind: "stopped", exitCode: 0, reason: STOP.scaledDown, at: NOW } as const;
    expect(isLeaving(row({ phase: "pending", last }))).toBe(true);
    expect(isLeaving(row({ phase: "pending", last: { ...last, kind: "exited" } }))).toBe(false);
    expect(isLeaving(row({ phase: "pending", last: { ...last, reason: STOP.restarted } }))).toBe(false);
    // It was started anew since.
    expect(isLeaving(row({ phase: "running", last }))).toBe(false);
  });

  it("is not one that nobody stops", ({ expect }) => {
    expect(isFinalStop(null)).toBe(false);
    expect(isFinalStop(STOP.preempted)).toBe(false);
    expect(isFinalStop(STOP.destroyed)).toBe(true);
  });
});

describe("a failed start", () => {
  it.for([
    ["unavailable", true],
    ["never-started", true],
    ["unknown", true],
    ["lost", false],
    ["exited", false],
    ["refused", false],
  ] as const)("that ended as %s is the place's fault: %s", ([kind, isPlaces], { expect }) => {
    expect(isFailedStart(row({ last: { kind, exitCode: null, reason: "Because", at: NOW } }))).toBe(isPlaces);
  });

  it("is not one that never ended", ({ expect }) => {
    expect(isFailedStart(row({ last: null }))).toBe(false);
  });
});
