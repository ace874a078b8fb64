import { describe, it, vi } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { migrate } from "../migrations.ts";
import { Admission, toldAtLaunch } from "./admission.ts";
import { INSTANCE_MIGRATIONS, tombstone, type RunRecord } from "./run-record.ts";
import { RunState } from "./run-state.ts";

function stage(generation = 5) {
  const db = memoryDatabase();
  migrate(db, INSTANCE_MIGRATIONS);
  const state = new RunState(db);
  const record: RunRecord = { ...tombstone("d", generation, "x"), phase: "running", ending: null, revision: "old" };
  state.write(record);
  const written = vi.spyOn(db, "run");
  let now = 1_000;
  const lifetime = () => new Admission(new RunState(db), () => now);
  return { db, state, lifetime, rows: () => written.mock.calls.length, pass: (ms: number) => (now += ms) };
}

describe("an instance that is told to take no requests", () => {
  it("takes none, also after its object was reset, until it is told to; each costs a row, and saying it again none", ({
    expect,
  }) => {
    const { lifetime, rows } = stage();
    const admission = lifetime();
    expect([admission.isClosed, admission.tell(5, true, 1), rows()]).toEqual([false, true, 0]);
    expect([admission.tell(5, false, 2), admission.tell(5, false, 3), admission.isClosed, rows()]).toEqual([
      true,
      true,
      true,
      1,
    ]);
    const next = lifetime();
    expect(next.isClosed).toBe(true);
    expect([next.tell(5, true, 4), next.tell(5, true, 5), next.isClosed, rows()]).toEqual([true, true, false, 2]);
  });

  it("hears nothing that was said before what it knows, and nothing that meant an earlier placement", ({ expect }) => {
    const { lifetime } = stage();
    const admission = lifetime();
    admission.tell(5, false, 10);
    expect([admission.tell(5, true, 9), admission.isClosed]).toEqual([false, true]);
    admission.tell(5, true, 11);
    expect([admission.tell(5, false, 10), admission.isClosed]).toEqual([false, false]);
    expect([admission.tell(4, false, 12), admission.isClosed]).toEqual([true, false]);
  });

  it("says so of the next placement of the same, and of the one that was meant, and of no other", ({ expect }) => {
    const { db, lifetime } = stage();
    lifetime().tell(5, false, 1);
    const { record } = new RunState(db);
    const told = { isClosed: true, generation: 6, at: 1 };
    expect(toldAtLaunch(record, { generation: 6, revision: "old" })).toEqual({ told });
    expect(toldAtLaunch(record, { generation: 6, revision: "new" })).toEqual({});
    // The launch that was meant is on its way.
    const ahead = stage();
    ahead.lifetime().tell(6, false, 1);
    expect(toldAtLaunch(new RunState(ahead.db).record, { generation: 6, revision: "new" })).toEqual({ told });
    expect(toldAtLaunch(null, { generation: 1, revision: "old" })).toEqual({});
  });

  it("that nobody has ever launched has nothing to refuse", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const admission = new Admission(new RunState(db), () => 0);
    expect([admission.tell(1, false, 1), admission.isClosed]).toEqual([true, false]);
  });
});

describe("an instance that turns a request away", () => {
  it("asks whether it is still meant to, and takes requests again where it is not", async ({ expect }) => {
    const { lifetime, pass } = stage();
    const admission = lifetime();
    admission.tell(5, false, 1);
    const mayServe = vi.fn<() => Promise<boolean>>(async () => false);
    await Promise.all([admission.turnedAway(mayServe), admission.turnedAway(mayServe)]);
    await admission.turnedAway(mayServe);
    expect([mayServe.mock.calls.length, admission.isClosed]).toEqual([1, true]);
    pass(1_000);
    mayServe.mockResolvedValue(true);
    await admission.turnedAway(mayServe);
    expect([mayServe.mock.calls.length, admission.isClosed]).toEqual([2, false]);
  });

  it("does as it was told after it asked, whatever the answer", async ({ expect }) => {
    for (const isOpen of [true, false]) {
      const { lifetime } = stage();
      const admission = lifetime();
      admission.tell(5, false, 1);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const asked = admission.turnedAway(() => promise);
      if (isOpen) admission.tell(5, true, 2);
      admission.tell(5, false, 3);
      resolve(true);
      await asked;
      expect(admission.isClosed).toBe(true);
    }
  });

  it("asks again when it got no answer", async ({ expect }) => {
    const { lifetime, pass } = stage();
    const admission = lifetime();
    admission.tell(5, false, 1);
    const failed = await admission.turnedAway(() => Promise.reject(new Error("lost"))).catch(String);
    pass(1_000);
    await admission.turnedAway(async () => true);
    expect([failed, admission.isClosed]).toEqual(["Error: lost", false]);
  });
});
