import { describe, it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { Timers, TIMERS_SCHEMA } from "../../timers.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { STABILIZATION_MS, type Autoscaling } from "./policy.ts";
import { keepQuiet, QUIET_TIMER, quietSince } from "./quiet.ts";

const SINCE = 1_000_000;
const NO_ALARM = { setAlarm: () => undefined, deleteAlarm: () => undefined };

function scaled(idleAfterMs: number): ApplicationRow {
  const autoscaling: Autoscaling = { min: 0, max: 2, target: { kind: "concurrency", value: 1 }, idleAfterMs };
  const spec = { instances: 1, maxInstances: null, ingress: "public", checkEveryMs: 60_000, autoscaling } as const;
  const at = { generation: 1, observedGeneration: 1, createdAt: 0, updatedAt: 0 };
  const identity = { id: "a", kind: "application", accountId: "acc", name: "app", session: "" } as const;
  return { ...identity, spec, activeVersion: 1, deleting: false, ...at };
}

describe("since when there is no load", () => {
  it.for([1_000, 3_600_000])("is known in another life of the object, with idle_after %d ms", (idle, { expect }) => {
    const db = memoryDatabase();
    db.run(TIMERS_SCHEMA);
    const row = scaled(idle);
    expect(quietSince(new Timers(db, NO_ALARM), row)).toBeNull();
    keepQuiet(new Timers(db, NO_ALARM), row, SINCE);
    expect(quietSince(new Timers(db, NO_ALARM), row)).toBe(SINCE);
    keepQuiet(new Timers(db, NO_ALARM), row, null);
    expect(quietSince(new Timers(db, NO_ALARM), row)).toBeNull();
  });

  it("is known until the last look that it is for, and leaves nothing", async ({ expect }) => {
    const db = memoryDatabase();
    db.run(TIMERS_SCHEMA);
    const row = scaled(1_000);
    const timers = new Timers(db, NO_ALARM);
    keepQuiet(timers, row, SINCE);
    const seen: unknown[] = [];
    await timers.fire(SINCE + STABILIZATION_MS, async (key) => void seen.push(key, quietSince(timers, row)));
    expect(seen).toEqual([QUIET_TIMER, SINCE]);
    expect(quietSince(timers, row)).toBeNull();
  });
});
