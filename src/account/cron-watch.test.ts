import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import {
  CRON_WATCH_SCHEMA,
  cronSeen,
  LATE_MS,
  LOOK_EVERY_MS,
  overdueCron,
  unwatchCron,
  watchCron,
} from "./cron-watch.ts";

const NOW = Date.UTC(2026, 5, 1, 12);
const MINUTE_MS = 60_000;

function database() {
  const db = memoryDatabase();
  db.run(CRON_WATCH_SCHEMA);
  return db;
}

const rows = (db: ReturnType<typeof database>) => db.all("SELECT * FROM cron_watch ORDER BY application");

describe("an application with schedules", () => {
  it("is overdue when its next run is two minutes late, and not before, for the next lifetime too", ({ expect }) => {
    const db = database();
    watchCron(db, "a", NOW, NOW - 1);
    watchCron(db, "b", NOW + MINUTE_MS, NOW - 1);
    expect(overdueCron(db, NOW + LATE_MS - 1)).toEqual([]);
    db.memory.clear();
    expect(overdueCron(db, NOW + LATE_MS)).toEqual([{ application: "a", lookAt: NOW + LATE_MS }]);
    const both = overdueCron(db, NOW + LATE_MS + MINUTE_MS);
    expect(both.map(({ application }) => application)).toEqual(["a", "b"]);
  });

  it("that fires each minute is looked at each half hour, and one that fires seldom after its run", ({ expect }) => {
    const db = database();
    watchCron(db, "often", NOW, NOW - 1);
    watchCron(db, "seldom", NOW, NOW - 1);
    const now = NOW + LATE_MS;
    const [often, seldom] = overdueCron(db, now);
    if (often === undefined || seldom === undefined) throw new Error("nothing is overdue");
    const day = 86_400_000;
    cronSeen(
      db,
      [
        { ...often, nextAt: now + MINUTE_MS },
        { ...seldom, nextAt: NOW + day },
      ],
      now,
    );
    expect(rows(db)).toEqual([
      { application: "often", look_at: now + LOOK_EVERY_MS },
      { application: "seldom", look_at: NOW + day + LATE_MS },
    ]);
  });

  it("writes nothing for what is later than the look to come, and a row for what is earlier", ({ expect }) => {
    const db = database();
    watchCron(db, "a", NOW + 2 * MINUTE_MS, NOW);
    const before = rows(db);
    watchCron(db, "a", NOW + 3 * MINUTE_MS, NOW);
    expect(rows(db)).toEqual(before);
    watchCron(db, "a", NOW + MINUTE_MS, NOW);
    expect(rows(db)).toEqual([{ application: "a", look_at: NOW + MINUTE_MS + LATE_MS }]);
  });

  it("that is overdue is looked at within half an hour, whatever it is given meanwhile", ({ expect }) => {
    const db = database();
    watchCron(db, "a", NOW, NOW - 1);
    const now = NOW + LATE_MS;
    const overdue = overdueCron(db, now);
    watchCron(db, "a", NOW + 365 * 86_400_000, now);
    expect(rows(db)).toEqual([{ application: "a", look_at: now + LOOK_EVERY_MS }]);
    // What that look has found is older.
    cronSeen(
      db,
      overdue.map((each) => ({ ...each, nextAt: NOW + 86_400_000 })),
      now,
    );
    expect(rows(db)).toEqual([{ application: "a", look_at: now + LOOK_EVERY_MS }]);
  });

  it("is forgotten when it has no next run, unless it was given one meanwhile", ({ expect }) => {
    const db = database();
    watchCron(db, "a", NOW, NOW - 1);
    watchCron(db, "b", NOW, NOW - 1);
    const now = NOW + LATE_MS;
    const overdue = overdueCron(db, now);
    watchCron(db, "b", now + MINUTE_MS, now);
    cronSeen(
      db,
      overdue.map((each) => ({ ...each, nextAt: null })),
      now,
    );
    expect(rows(db)).toEqual([{ application: "b", look_at: now + MINUTE_MS + LATE_MS }]);
    unwatchCron(db, "b");
    unwatchCron(db, "b");
    expect(rows(db)).toEqual([]);
  });
});
