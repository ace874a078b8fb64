import { describe, it } from "vitest";
import { toLaunchSpec } from "../orchestrator/launch-spec.ts";
import { configurationSchema } from "../api/schemas/configuration.ts";
import { isExpected, type ProbeResult } from "./probe.ts";
import { newRecord, type RunRecord } from "./run-record.ts";
import { afterProbes, hasStartedUp, openProbes, readyProbes, withFailing } from "./verdicts.ts";

const START = 1_000_000;
const PASSED: ProbeResult = { verdict: "passed", detail: "fine" };
const FAILED: ProbeResult = { verdict: "failed", detail: "answered 503" };
const REFUSED: ProbeResult = { verdict: "refused", detail: "nobody there" };
const SILENT: ProbeResult = { verdict: "silent", detail: "runs without listening" };

function launched(...kinds: ("startup" | "ready" | "health")[]): RunRecord {
  const configuration = configurationSchema.parse({
    image: "hello-world",
    ports: [{ name: "http", port: 8_080 }],
    checks: kinds.map((kind) => ({ kind, type: "http", port: "http", http: { path: "/" } })),
  });
  const order = {
    applicationId: "a",
    applicationName: "web",
    deploymentId: "d",
    instanceName: "web-0",
    generation: 1,
    version: 1,
    revision: "r",
    checkEveryMs: 60_000,
    spec: toLaunchSpec(configuration),
  };
  return newRecord(order, START);
}

const after = (record: RunRecord, results: readonly (readonly [number, ProbeResult])[], now = START + 10) =>
  afterProbes(record, new Map(results), now);
const states = ({ checks }: RunRecord) => checks.map(({ state }) => state);

describe("a launched instance", () => {
  it("has started with any answer, and is ready only when all its ready checks pass", ({ expect }) => {
    const record = launched("ready", "ready");
    const one = after(record, [
      [0, PASSED],
      [1, FAILED],
    ]);
    expect(one).toMatchObject({ phase: "running", ready: false, listens: true });
    expect(states(one)).toEqual(["passing", "failing"]);
    expect(after(one, [[1, PASSED]])).toMatchObject({ ready: true });
  });

  it("of which nobody answers has not started, and nothing is written of it", ({ expect }) => {
    const record = launched("ready");
    expect(after(record, [[0, REFUSED]], START + 60_000)).toBe(record);
    expect(after(record, [[0, { verdict: "timeout", detail: "" }]])).toBe(record);
  });

  it("whose second port opens a moment after the first is not called failing", ({ expect }) => {
    const running = after(launched("ready", "ready"), [
      [0, PASSED],
      [1, REFUSED],
    ]);
    expect(states(running)).toEqual(["passing", "pending"]);
    expect(states(after(running, [[1, REFUSED]], START + 1_999))).toEqual(["passing", "pending"]);
    expect(states(after(running, [[1, REFUSED]], START + 2_000))).toEqual(["passing", "failing"]);
  });

  it("that never listens is ready by running on, and no port is expected of it", ({ expect }) => {
    const record = launched();
    expect(after(record, [[0, SILENT]])).toMatchObject({ phase: "running", ready: true, listens: false });
  });

  it("asks startup checks first, then what keeps it from traffic", ({ expect }) => {
    const record = launched("startup", "ready", "health");
    expect(openProbes(record, "startup")).toEqual([0]);
    const started = after(record, [[0, PASSED]]);
    expect(started).toMatchObject({ phase: "running", ready: false });
    expect([openProbes(started, "startup"), openProbes(started, "ready")]).toEqual([[], [1, 2]]);
  });

  it("is not kept from traffic by a health check", ({ expect }) => {
    const record = launched("ready", "health");
    const ready = after(record, [
      [0, PASSED],
      [1, FAILED],
    ]);
    expect(ready.ready).toBe(true);
    expect(states(ready)).toEqual(["passing", "pending"]);
  });
});

describe("a ready instance", () => {
  const ready = after(launched("ready", "ready"), [
    [0, PASSED],
    [1, PASSED],
  ]);

  it("stays as it is, and costs nothing, while its checks pass or fail a single time", ({ expect }) => {
    expect(after(ready, [[0, PASSED]], START + 99)).toBe(ready);
    expect(after(ready, [[0, FAILED]], START + 99)).toBe(ready);
  });

  it("is unready by one failing check, says why, and is ready again by one pass", ({ expect }) => {
    const unready = withFailing(ready, [1], "answered 503", START + 99);
    expect(unready.ready).toBe(false);
    expect(unready.checks[1]).toMatchObject({ state: "failing", since: START + 99, detail: "answered 503" });
    expect(withFailing(unready, [1], "answered 500", START + 200)).toBe(unready);
    expect(openProbes(unready, "ready")).toEqual([1]);
    expect(after(unready, [[1, PASSED]], START + 300)).toMatchObject({ ready: true });
  });
});

describe("an expected status", () => {
  it.for([
    [200, ["2xx"], true],
    [299, ["2xx"], true],
    [302, ["2xx"], false],
    [404, ["2xx", "404"], true],
    [204, ["204"], true],
    [200, ["204"], false],
    [599, ["5xx"], true],
  ] as const)("%i against %j: %s", ([status, expected, passes], { expect }) => {
    expect(isExpected(status, expected)).toBe(passes);
  });
});

describe("startup checks", () => {
  it("have passed when all of that kind have", ({ expect }) => {
    const record = launched("startup", "startup", "ready");
    expect(hasStartedUp(record)).toBe(false);
    const one = after(record, [[0, PASSED]]);
    expect(hasStartedUp(one)).toBe(false);
    expect(hasStartedUp(after(one, [[1, PASSED]]))).toBe(true);
    expect(hasStartedUp(launched("ready", "health"))).toBe(true);
  });

  it("do not make ready what has failed to be before", ({ expect }) => {
    const record = launched("startup", "ready");
    const failed = after(record, [[0, FAILED]]);
    expect(failed).toMatchObject({ phase: "running", listens: true, ready: false });
    expect(after(failed, [[0, PASSED]])).toMatchObject({ ready: false });
  });
});

describe("the probes that are open", () => {
  it("on the way to ready are those of readiness that do not pass, and each other once", ({ expect }) => {
    const record = after(launched("startup", "ready", "ready", "health", "health"), [
      [0, PASSED],
      [1, PASSED],
      [3, PASSED],
    ]);
    expect(openProbes(record, "ready")).toEqual([2, 4]);
    expect(openProbes(withFailing(record, [4], "503", START + 50), "ready")).toEqual([2]);
    expect(openProbes(withFailing(record, [1], "503", START + 50), "ready")).toEqual([1, 2, 4]);
  });

  it("of readiness are known by their place", ({ expect }) => {
    expect(readyProbes(launched("startup", "ready", "health", "ready"))).toEqual([1, 3]);
  });
});

describe("a record", () => {
  it("is another when it is found to listen, or becomes ready, and the same when nothing is new", ({ expect }) => {
    const quiet = after(launched(), [[0, SILENT]]);
    const heard = after(quiet, [[0, PASSED]], START + 99);
    expect(heard).not.toBe(quiet);
    expect(heard).toMatchObject({ listens: true, ready: true });
    expect(after(heard, [[0, PASSED]], START + 200)).toBe(heard);
    const stopping: RunRecord = { ...heard, phase: "stopping", ready: false };
    expect(after(stopping, [[0, PASSED]], START + 300)).toMatchObject({ phase: "stopping", ready: false });
    const told: RunRecord = { ...heard, ready: false };
    expect(after(told, [[0, PASSED]], START + 300)).toMatchObject({ ready: true });
  });
});
