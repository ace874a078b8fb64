import { describe, it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import type { Database } from "../../database.ts";
import { migrate } from "../../migrations.ts";
import { applyCreate } from "../commands.ts";
import { readApplication, writeApplication, type ApplicationRow } from "../storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "../storage/schema.ts";
import { keepBlocked } from "./blocked.ts";

const NOW = 50_000;
const DECISION = {
  location: null,
  table: [],
  filtered: { disabled: 2, regions: 1, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 },
};

function application(blocked?: ApplicationRow["blocked"]): { db: Database; row: ApplicationRow } {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
  const spec = { instances: 1, maxInstances: null, ingress: "public" as const, checkEveryMs: 60_000 };
  applyCreate(
    db,
    { id: "a", accountId: "acc", name: "web", spec, configuration: { image: "app" }, revision: "r" },
    "",
    0,
  );
  const row = readApplication(db);
  if (row === undefined) throw new Error("no row");
  if (blocked != null) writeApplication(db, { ...row, blocked });
  return { db, row: readApplication(db) ?? row };
}

describe("placements that become blocked", () => {
  it("are kept with the reason, and told with what was filtered and what to do", ({ expect }) => {
    const { db, row } = application();
    const events = keepBlocked(db, row, { reason: "NoLocationEnabled", decision: DECISION }, NOW);
    expect(readApplication(db)?.blocked).toStrictEqual({ reason: "NoLocationEnabled", since: NOW });
    expect(events).toStrictEqual([
      {
        type: "Warn",
        name: "PlacementBlocked",
        message:
          "not placed: every location that the constraints allow is disabled: enable one, or change the constraints",
        details: { reason: "NoLocationEnabled", ...DECISION.filtered },
      },
    ]);
  });

  it("for want of room say how much is missing", ({ expect }) => {
    const { db, row } = application();
    const shortage = { reason: "NoCapacity", shortfall: { vcpu: 0.5, memoryMib: 128 }, isImpossible: false } as const;
    const [event] = keepBlocked(db, row, { reason: "NoCapacity", shortage }, NOW);
    expect(readApplication(db)?.blocked).toStrictEqual({
      reason: "NoCapacity",
      since: NOW,
      shortfall: { vcpu: 0.5, memoryMib: 128 },
    });
    expect(event?.details).toStrictEqual({ reason: "NoCapacity", vcpu_short: 0.5, memory_mib_short: 128 });
    expect(event?.message).toMatch(/; one more needs 0.5 vcpu, 128 memory_mib beyond what is left$/);
  });

  it("change only that of the row as it is now", ({ expect }) => {
    const { db, row } = application();
    writeApplication(db, { ...row, name: "renamed" });
    keepBlocked(db, row, { reason: "NoCapacity" }, NOW);
    expect(readApplication(db)).toMatchObject({ name: "renamed", blocked: { reason: "NoCapacity" } });
  });

  it("are no news while the reason is the same, and news when it is another", ({ expect }) => {
    const { db, row } = application({ reason: "NoCapacity", since: 1_000 });
    expect(keepBlocked(db, row, { reason: "NoCapacity" }, NOW)).toEqual([]);
    expect(readApplication(db)?.blocked).toStrictEqual({ reason: "NoCapacity", since: 1_000 });
    expect(keepBlocked(db, row, { reason: "MaxInstances" }, NOW)).toMatchObject([{ name: "PlacementBlocked" }]);
    expect(readApplication(db)?.blocked).toStrictEqual({ reason: "MaxInstances", since: NOW });
  });

  it("are kept and not told where another object has told the same", ({ expect }) => {
    const { db, row } = application();
    expect(keepBlocked(db, row, { reason: "NoCapacity" }, NOW, ["NoCapacity"])).toEqual([]);
    expect(readApplication(db)?.blocked?.reason).toBe("NoCapacity");
    const other = application();
    expect(keepBlocked(other.db, other.row, { reason: "NoCapacity" }, NOW, ["StartRate"])).toHaveLength(1);
  });
});

describe("placements that are not blocked any more", () => {
  it("say so once, with how long it was", ({ expect }) => {
    const { db, row } = application({ reason: "NoCapacity", since: 20_000 });
    expect(keepBlocked(db, row, null, NOW)).toStrictEqual([
      {
        type: "Info",
        name: "PlacementUnblocked",
        message: "what was blocked is being placed",
        details: { reason: "NoCapacity", waited_ms: 30_000 },
      },
    ]);
    const after = readApplication(db);
    expect(after?.blocked).toBeUndefined();
    expect(after === undefined ? [{}] : keepBlocked(db, after, null, NOW)).toEqual([]);
  });

  it("say nothing while others of the application still are", ({ expect }) => {
    const { db, row } = application({ reason: "NoCapacity", since: 20_000 });
    expect(keepBlocked(db, row, null, NOW, ["NoCapacity"])).toEqual([]);
    expect(readApplication(db)?.blocked).toBeUndefined();
  });
});
