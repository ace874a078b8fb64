import { array, assert, boolean, constantFrom, integer, property, record, tuple } from "fast-check";
import { describe, it } from "vitest";
import {
  analysisOf,
  dueAt,
  measurementsNeeded,
  measurementsOf,
  withMeasurement,
  type Analysis,
  type Gate,
  type Measurement,
  type Verdict,
} from "./gates.ts";

const NOW = 1_000_000;
const PASS = "passed";
const FAIL = "failed";
const NOTHING = "inconclusive";

function gate(fields: Partial<Gate> = {}): Gate {
  const usual = { name: "a", intervalMs: 10_000, count: 2, failureLimit: 1, timeoutMs: 1_000, isDryRun: false };
  return { ...usual, type: "webhook", url: "http://hook.test/", ...fields } as Gate;
}

function seen(verdicts: readonly Verdict[], name = "a", from = NOW): Measurement[] {
  return verdicts.map((verdict, index) => ({ gate: name, at: from + index, verdict, message: `${verdict} ${index}` }));
}

function analysis(gates: readonly Gate[], measurements: readonly Measurement[]): Analysis {
  return analysisOf(gates, measurements, NOW).analysis;
}

describe("a gate", () => {
  it.for<readonly [string, Verdict[], Analysis]>([
    ["passes with its count", [PASS, PASS], "passed"],
    ["is pending before", [PASS], "pending"],
    ["lets as many fail as its limit", [FAIL, PASS], "pending"],
    ["passes beside failures within its limit", [FAIL, PASS, PASS], "passed"],
    ["fails beyond its limit", [PASS, FAIL, FAIL], "failed"],
    ["is not bothered by two that say nothing", [NOTHING, NOTHING, PASS, PASS], "passed"],
    ["is inconclusive with the third in a row that says nothing", [PASS, NOTHING, NOTHING, NOTHING], "inconclusive"],
    ["counts those in a row anew", [NOTHING, NOTHING, PASS, NOTHING, NOTHING], "pending"],
    [
      "is inconclusive when too many say nothing at all",
      [NOTHING, NOTHING, PASS, NOTHING, NOTHING, FAIL],
      "inconclusive",
    ],
  ])("%s", ([, verdicts, wanted], { expect }) => {
    expect(analysis([gate()], seen(verdicts))).toBe(wanted);
  });

  it("is measured at once, then at its interval after the last, then no more", ({ expect }) => {
    const one = gate();
    expect(analysisOf([one], [], NOW).due).toEqual({ gate: one, at: NOW });
    expect(analysisOf([one], seen([PASS]), NOW).due).toEqual({ gate: one, at: NOW + 10_000 });
    expect(analysisOf([one], seen([PASS, PASS]), NOW).due).toBeNull();
  });

  it("does not wait for the time that a clock was set back by", ({ expect }) => {
    expect(dueAt(gate(), seen([PASS], "a", NOW + 3_600_000), NOW)).toBe(NOW + 10_000);
  });

  it("says why it did not pass", ({ expect }) => {
    expect(analysisOf([gate()], seen([PASS, FAIL, FAIL]), NOW).message).toBe(
      "gate a: 2 of 3 measurements failed; the last: failed 2",
    );
    expect(analysisOf([gate()], seen([PASS, PASS]), NOW).message).toBeNull();
  });
});

describe("several gates", () => {
  const gates = [gate(), gate({ name: "b", intervalMs: 5_000 })];

  it("are none where there are none", ({ expect }) => {
    expect(analysisOf([], [], NOW)).toEqual({ analysis: "none", due: null, message: null });
  });

  it.for<readonly [Verdict[], Verdict[], Analysis]>([
    [[PASS, PASS], [PASS, PASS], "passed"],
    [[PASS, PASS], [PASS], "pending"],
    [[NOTHING, NOTHING, NOTHING], [PASS], "inconclusive"],
    [[NOTHING, NOTHING, NOTHING], [FAIL, FAIL], "failed"],
    [[PASS], [FAIL, FAIL], "failed"],
  ])("with %j and %j are %s", ([a, b, wanted], { expect }) => {
    expect(analysis(gates, [...seen(a), ...seen(b, "b")])).toBe(wanted);
  });

  it("are each due at their own time, the earliest first", ({ expect }) => {
    const first = seen([PASS]);
    expect(analysisOf(gates, first, NOW).due).toMatchObject({ gate: { name: "b" }, at: NOW });
    expect(analysisOf(gates, [...first, ...seen([PASS], "b")], NOW).due).toMatchObject({ at: NOW + 5_000 });
  });
});

describe("a dry run", () => {
  const dry = gate({ name: "dry", isDryRun: true });

  it("decides nothing beside gates that do", ({ expect }) => {
    const failing = seen([FAIL, FAIL], "dry");
    expect(analysis([gate(), dry], failing)).toBe("pending");
    expect(analysis([gate(), dry], [...failing, ...seen([PASS, PASS])])).toBe("passed");
    expect(analysis([gate(), dry], seen([PASS, PASS]))).toBe("passed");
  });

  it("is measured to its count, whatever it says", ({ expect }) => {
    expect(dueAt(dry, seen([FAIL], "dry"), NOW)).toBe(NOW + 10_000);
    expect(dueAt(dry, seen([FAIL, NOTHING], "dry"), NOW)).toBeNull();
  });

  it("of every gate holds the step until each has its count, and passes it then", ({ expect }) => {
    expect(analysis([dry], seen([FAIL], "dry"))).toBe("pending");
    expect(analysis([dry], seen([FAIL, FAIL], "dry"))).toBe("passed");
  });
});

describe("whatever is measured", () => {
  const verdict = constantFrom<Verdict>(PASS, FAIL, NOTHING);
  const gates = array(
    record({ count: integer({ min: 1, max: 5 }), failureLimit: integer({ min: 0, max: 4 }), isDryRun: boolean() }),
    { minLength: 1, maxLength: 3 },
  ).map((list) => list.map((fields, index) => gate({ ...fields, name: `g${index}` })));

  /** Measures what is due, one after the other, until nothing is. */
  function run(all: readonly Gate[], verdicts: readonly Verdict[]) {
    let measurements: readonly Measurement[] = [];
    const said: Analysis[] = [];
    for (let turn = 0; ; turn += 1) {
      const { analysis: state, due } = analysisOf(all, measurements, NOW + turn);
      said.push(state);
      if (due === null) return { measurements, said };
      const next = { gate: due.gate.name, at: due.at, verdict: verdicts[turn % verdicts.length] ?? PASS, message: "" };
      measurements = withMeasurement(all, measurements, next);
    }
  }

  it("comes to an end, within as many measurements as each gate needs", ({ expect }) => {
    assert(
      property(gates, array(verdict, { minLength: 1, maxLength: 12 }), (all, verdicts) => {
        const { measurements, said } = run(all, verdicts);
        expect(said.slice(0, -1).every((state) => state === "pending")).toBe(true);
        expect(said.at(-1)).toMatch(/passed|failed|inconclusive/);
        for (const one of all) {
          expect(measurementsOf(one, measurements).length).toBeLessThanOrEqual(measurementsNeeded(one));
        }
      }),
    );
  });

  it("passes only with enough that passed, and fails only with too many that failed", ({ expect }) => {
    assert(
      property(gates, array(verdict, { minLength: 1, maxLength: 12 }), (all, verdicts) => {
        const { measurements, said } = run(all, verdicts);
        const count = (one: Gate, which: Verdict) =>
          measurementsOf(one, measurements).filter((measurement) => measurement.verdict === which).length;
        const deciding = all.filter(({ isDryRun }) => !isDryRun);
        if (deciding.length === 0) expect(said.at(-1)).toBe("passed");
        else {
          expect(said.at(-1) === "failed").toBe(deciding.some((one) => count(one, FAIL) > one.failureLimit));
          expect(said.at(-1) === "passed").toBe(deciding.every((one) => count(one, PASS) >= one.count));
        }
      }),
    );
  });

  it("a gate that has decided stays so, and keeps no more", ({ expect }) => {
    const more = array(tuple(verdict, integer({ min: 0, max: 3 })), { maxLength: 40 });
    assert(
      property(gates, array(verdict, { minLength: 1, maxLength: 12 }), more, (all, verdicts, late) => {
        let { measurements } = run(all, verdicts);
        const before = analysis(all, measurements);
        const decided = all.filter((one) => dueAt(one, measurements, NOW) === null);
        const kept = decided.map((one) => measurementsOf(one, measurements));
        for (const [said, index] of late) {
          measurements = withMeasurement(all, measurements, { gate: `g${index}`, at: NOW, verdict: said, message: "" });
        }
        expect(decided.map((one) => measurementsOf(one, measurements))).toEqual(kept);
        if (before === "passed" || before === "failed") expect(analysis(all, measurements)).toBe(before);
        const most = all.reduce((sum, one) => sum + measurementsNeeded(one), 0);
        expect(measurements.length).toBeLessThanOrEqual(most);
      }),
    );
  });
});
