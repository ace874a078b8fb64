import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { GantryError } from "../errors.ts";
import {
  appendEvents,
  EVENTS_KEPT,
  EVENTS_SCHEMA,
  eventTotals,
  listEvents,
  onAppended,
  type EventDraft,
} from "./events.ts";

function database() {
  const db = memoryDatabase();
  db.run(EVENTS_SCHEMA);
  return db;
}

const draft = (name: string, rest: Partial<EventDraft> = {}): EventDraft => ({
  type: "Info",
  name,
  message: name,
  ...rest,
});

function refusal(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return GantryError.is(error) ? { code: error.code, ...error.details } : error;
  }
  return null;
}

describe("a cursor", () => {
  it("that fell out of what is kept is refused with the oldest that is", ({ expect }) => {
    const db = database();
    for (let batch = 0; batch < 13; batch += 1)
      appendEvents(
        db,
        Array.from({ length: 1_000 }, () => draft("Many")),
        batch,
      );
    const { oldest, newest } = listEvents(db, 0, 1);
    expect([oldest, newest]).toEqual([13_000 - EVENTS_KEPT + 1, 13_000]);
    expect(refusal(() => listEvents(db, oldest - 2, 1))).toEqual({
      code: "CURSOR_EXPIRED",
      after: "2999",
      oldest: "3001",
      newest: "13000",
    });
    expect(listEvents(db, oldest - 1, 1).events[0]?.id).toBe(oldest);
    expect(listEvents(db, newest, 1)).toMatchObject({ events: [], cursor: newest });
  });

  it("beyond the newest event is of another application, and refused", ({ expect }) => {
    const db = database();
    expect(refusal(() => listEvents(db, 1, 1))).toMatchObject({ code: "CURSOR_EXPIRED", newest: "0" });
    appendEvents(db, [draft("One")], 0);
    expect(listEvents(db, 1, 1).events).toEqual([]);
    expect(refusal(() => listEvents(db, 2, 1))).toMatchObject({ code: "CURSOR_EXPIRED", newest: "1" });
  });
});

describe("a filter", () => {
  it("narrows by type, name, deployment and time, and says how far it looked", ({ expect }) => {
    const db = database();
    appendEvents(db, [draft("A"), draft("B", { type: "Warn", deployment: "web-0" })], 100);
    appendEvents(db, [draft("A", { deployment: "web-1" }), draft("C", { type: "Error" })], 200);
    const ids = (filter: Parameters<typeof listEvents>[3]) => listEvents(db, 0, 10, filter).events.map(({ id }) => id);
    expect(ids({})).toEqual([1, 2, 3, 4]);
    expect(ids({ types: ["Warn", "Error"] })).toEqual([2, 4]);
    expect(ids({ names: ["A", "C"] })).toEqual([1, 3, 4]);
    expect(ids({ deployment: "web-1" })).toEqual([3]);
    expect(ids({ since: 200 })).toEqual([3, 4]);
    expect(ids({ types: ["Info"], names: ["A"], since: 150 })).toEqual([3]);
    expect(listEvents(db, 0, 10, { names: ["B"] }).cursor).toBe(4);
    expect(listEvents(db, 0, 1, { names: ["A"] }).cursor).toBe(1);
  });
});

describe("totals", () => {
  it("count every event ever, in no row of their own, and are not shown in events", ({ expect }) => {
    const db = database();
    const ended = (outcome: string) => draft("VMFailed", { type: "Error", deployment: "web-0", details: { outcome } });
    appendEvents(db, [draft("A"), ended("exited"), ended("lost")], 0);
    appendEvents(db, [draft("A", { details: { outcome: "exited" } }), ended("exited"), ended("unheard-of")], 0);
    expect(eventTotals(db)).toEqual({ types: { Info: 2, Error: 4 }, ends: { exited: 2, lost: 1 } });
    expect(listEvents(db, 0, 1).events).toEqual([{ ...draft("A"), id: 1, time: 0 }]);
    expect(db.all("SELECT COUNT(*) AS n FROM events")).toEqual([{ n: 6 }]);
  });

  it("go on after what was trimmed, and begin with the rows of a database that has none", ({ expect }) => {
    const db = database();
    for (let id = 1; id <= 3; id += 1)
      db.run("INSERT INTO events VALUES (?, 0, ?)", id, JSON.stringify(draft("Old", { type: "Warn" })));
    expect(eventTotals(db).types).toEqual({ Warn: 3 });
    for (let batch = 0; batch < 12; batch += 1)
      appendEvents(
        db,
        Array.from({ length: 1_000 }, () => draft("New")),
        0,
      );
    expect(eventTotals(db).types).toEqual({ Warn: 3, Info: 12_000 });
  });
});

describe("appending", () => {
  it("tells the listener once for all, and not at all when there is nothing", ({ expect }) => {
    const db = database();
    let told = 0;
    onAppended(db, () => (told += 1));
    expect(appendEvents(db, [], 0)).toEqual([]);
    expect(told).toBe(0);
    expect(appendEvents(db, [draft("A"), draft("B")], 0)).toEqual([1, 2]);
    expect(told).toBe(1);
  });
});
