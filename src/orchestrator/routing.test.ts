import { describe, it } from "vitest";
import { toLaunchSpec } from "./launch-spec.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { RolloutMark, Traffic } from "./rollouts/mark.ts";
import { routingOf, takesRequests } from "./routing.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

function deployment(id: string, version: number, fields: Partial<Deployment> = {}): Deployment {
  return {
    id,
    slot: 0,
    createdAt: 0,
    phase: "running",
    ready: true,
    generation: 1,
    version,
    since: 0,
    readyAt: 1,
    failures: 0,
    losses: 0,
    nextStartAt: 0,
    stopReason: null,
    last: null,
    held: false,
    cordoned: false,
    ...fields,
  };
}

const MARK: Omit<RolloutMark, "traffic"> = {
  id: "r",
  fromVersion: 1,
  toVersion: 2,
  toPercentage: 50,
  from: "rest",
  maxSurge: { count: 1 },
  maxUnavailable: { count: 0 },
  minHealthyMs: 0,
  scaleDownDelayMs: 0,
};

const ALL = [
  deployment("old", 1),
  deployment("new", 2),
  deployment("starting", 2, { phase: "starting", ready: false }),
  deployment("named", 2, { name: "ada" }),
];

function routing(traffic: Traffic | null) {
  const row: ApplicationRow = {
    id: "a",
    kind: "application",
    accountId: "account",
    name: "web",
    spec: { instances: 2, maxInstances: null, ingress: "public", checkEveryMs: 1_000 },
    activeVersion: 2,
    generation: 1,
    observedGeneration: 1,
    deleting: false,
    session: "",
    createdAt: 0,
    updatedAt: 0,
    ...(traffic === null ? {} : { rollout: { ...MARK, traffic } }),
  };
  const spec = toLaunchSpec({ image: "hello-world" });
  return routingOf(
    row,
    spec,
    ALL,
    (id) => `i-${id}`,
    (version) => version === 2,
  );
}

const membersOf = (traffic: Traffic | null) =>
  routing(traffic).members.map(({ deploymentId, isTarget }) => [deploymentId, isTarget] as const);

const takes = (traffic: Traffic) => [false, true].map((isTarget) => takesRequests({ traffic }, isTarget));

describe("the routing of an application", () => {
  it("without a rollout is the same as ever: nothing in it says a word of one", ({ expect }) => {
    const snapshot = routing(null);
    expect(membersOf(null)).toEqual([
      ["old", undefined],
      ["new", undefined],
    ]);
    expect(snapshot.members.every((member) => !Object.hasOwn(member, "isTarget"))).toBe(true);
    expect([Object.hasOwn(snapshot, "traffic"), Object.hasOwn(snapshot, "rolloutId")]).toEqual([false, false]);
  });

  it("while anybody takes requests says only who is at the target", ({ expect }) => {
    expect(membersOf({ kind: "any" })).toEqual([
      ["old", undefined],
      ["new", true],
    ]);
    expect(Object.hasOwn(routing({ kind: "any" }), "traffic")).toBe(false);
  });

  it("while they are shared out says how, and for which rollout", ({ expect }) => {
    const traffic = { kind: "split", percentage: 10, sticky: { by: "cookie" } } as const;
    expect(membersOf(traffic).map(([id]) => id)).toEqual(["old", "new"]);
    expect(routing(traffic)).toMatchObject({ traffic, rolloutId: "r" });
  });

  it("has no member of a side that takes none, and none at all while they are handed on, though some are wanted", ({
    expect,
  }) => {
    expect(membersOf({ kind: "only", side: "from" })).toEqual([["old", undefined]]);
    expect(membersOf({ kind: "only", side: "to" })).toEqual([["new", true]]);
    expect(routing({ kind: "none" })).toMatchObject({ members: [], desired: 2 });
  });

  it("is what an instance that asks is told", ({ expect }) => {
    expect(takes({ kind: "only", side: "from" })).toEqual([true, false]);
    expect(takes({ kind: "only", side: "to" })).toEqual([false, true]);
    expect(takes({ kind: "none" })).toEqual([false, false]);
    expect(takes({ kind: "split", percentage: 0, sticky: null })).toEqual([true, true]);
    expect([takesRequests(undefined, false), takesRequests(undefined, true)]).toEqual([true, true]);
  });
});
