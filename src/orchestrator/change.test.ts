import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { GantryError } from "../errors.ts";
import { migrate } from "../migrations.ts";
import { applyChange, chooseVersion, isChange, type Change } from "./change.ts";
import { applyCreate } from "./commands.ts";
import { listEvents } from "./events.ts";
import { listVersions, readApplication, type ApplicationRow } from "./storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "./storage/schema.ts";

const NOW = 1_000_000;
const SPEC = { instances: 1, maxInstances: null, ingress: "private", checkEveryMs: 60_000 } as const;
const FIRST = { configuration: { image: "one" }, revision: "r1" };
const SECOND = { configuration: { image: "two" }, revision: "r2" };

/** An application whose version 1 runs `FIRST`. */
function application() {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
  applyCreate(db, { id: "a", accountId: "c", name: "web", spec: SPEC, ...FIRST }, "", NOW);
  const row = (): ApplicationRow => {
    const stored = readApplication(db);
    if (stored === undefined) throw new Error("no application");
    return stored;
  };
  const created = listEvents(db, 0, 100, {}).newest;
  return {
    db,
    row,
    change: (part: Partial<Change>, within?: () => void) => {
      const change = { spec: row().spec, version: null, activate: false, ...part };
      return applyChange(db, row(), change, NOW + 5, within);
    },
    /** What was told since it was created. */
    events: () => listEvents(db, created, 100, {}).events.map(({ id: _id, ...event }) => event),
  };
}

function failureOf(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (error) {
    return error;
  }
}

describe("the version that a write means", () => {
  it("is the newest when it says the same", ({ expect }) => {
    const { db, row } = application();
    expect(chooseVersion(db, row(), { ...FIRST, configuration: { image: "one" } })).toEqual({
      number: 1,
      insert: null,
    });
  });

  it("is one more than the newest when it says something else", ({ expect }) => {
    const { db, row, change } = application();
    expect(chooseVersion(db, row(), SECOND)).toEqual({ number: 2, insert: SECOND });
    change({ version: { number: 2, insert: SECOND } });
    const third = { configuration: { image: "three" }, revision: "r3" };
    expect(chooseVersion(db, row(), third)).toEqual({ number: 3, insert: third });
  });

  it("is the first where there is none", ({ expect }) => {
    const { row } = application();
    const empty = memoryDatabase();
    migrate(empty, APPLICATION_MIGRATIONS);
    expect(chooseVersion(empty, row(), { ...FIRST, base: 7 })).toMatchObject({ number: 1 });
  });

  it("is not the one that runs, unless that is as good", ({ expect }) => {
    const { db, row, change } = application();
    change({ version: { number: 2, insert: SECOND } });
    expect(chooseVersion(db, row(), FIRST)).toEqual({ number: 3, insert: FIRST });
    expect(chooseVersion(db, row(), FIRST, true)).toEqual({ number: 1, insert: null });
    expect(chooseVersion(db, row(), SECOND, true)).toEqual({ number: 2, insert: null });
  });

  it("is refused when it was made from another than the newest", ({ expect }) => {
    const { db, row, change } = application();
    expect(chooseVersion(db, row(), { ...SECOND, base: 1 })).toMatchObject({ number: 2 });
    change({ version: { number: 2, insert: SECOND } });
    const error = failureOf(() => chooseVersion(db, row(), { ...FIRST, base: 1 }));
    expect(GantryError.is(error) && [error.code, error.message, error.details]).toEqual([
      "VERSION_MOVED",
      "application web: version 2 was stored meanwhile",
      { version: 2 },
    ]);
  });
});

describe("a write changes something", () => {
  const nothing: Change = { spec: SPEC, version: null, activate: false };

  it.for<[string, Partial<Change>, boolean]>([
    ["not when it says what is", {}, false],
    ["not when it says what a field that is left out means", { spec: { ...SPEC, priority: 0, hostnames: [] } }, false],
    ["when the specification is another", { spec: { ...SPEC, priority: 1 } }, true],
    ["when a version is stored, whether it runs or not", { version: { number: 2, insert: SECOND } }, true],
    ["when another version is to run", { version: { number: 2, insert: null }, activate: true }, true],
    ["not when the version that runs is to run", { version: { number: 1, insert: null }, activate: true }, false],
    ["not when it names another version that is not to run", { version: { number: 2, insert: null } }, false],
  ])("%s", ([, part, changes], { expect }) => {
    expect(isChange(application().row(), { ...nothing, ...part })).toBe(changes);
  });
});

describe("a change", () => {
  it("of nothing writes nothing but what belongs to it", ({ expect }) => {
    const { row, change, events } = application();
    const before = row();
    let written = 0;
    expect(change({}, () => (written += 1))).toBe(before);
    expect([row(), events(), written]).toEqual([before, [], 1]);
  });

  it("of the count is the next generation, and told", ({ expect }) => {
    const { row, change, events } = application();
    const before = row();
    const spec = { ...SPEC, instances: 3 };
    const after = { ...before, spec, generation: 2, observedGeneration: 2, updatedAt: NOW + 5 };
    expect(change({ spec })).toEqual(after);
    expect(row()).toEqual(after);
    expect(events()).toEqual([
      {
        time: NOW + 5,
        type: "Info",
        name: "ApplicationScaled",
        message: "scaled from 1 to 3 instances",
        details: { from: 1, to: 3 },
      },
    ]);
  });

  it("of something that nobody needs to hear of is not told", ({ expect }) => {
    const { row, change, events } = application();
    change({ spec: { ...SPEC, priority: 7 } });
    expect([row().generation, row().spec.priority, events()]).toEqual([2, 7, []]);
  });

  it("stores a version, which runs only when it is activated", ({ expect }) => {
    const { db, row, change, events } = application();
    change({ version: { number: 2, insert: SECOND } });
    expect(listVersions(db)[0]).toEqual({ version: 2, ...SECOND, createdAt: NOW + 5 });
    expect(row().activeVersion).toBe(1);
    expect(events()).toMatchObject([
      {
        type: "Info",
        name: "VersionCreated",
        message: "version 2 stored; version 1 is active",
        details: { version: 2 },
      },
    ]);
    change({ version: { number: 2, insert: null }, activate: true });
    expect([row().activeVersion, listVersions(db)]).toEqual([2, expect.objectContaining({ length: 2 })]);
    expect(events().slice(1)).toMatchObject([
      { type: "Info", name: "VersionActivated", message: "version 2 is active, 1 was", details: { from: 1, to: 2 } },
    ]);
  });

  it("that activates no version leaves the one that runs", ({ expect }) => {
    const { row, change } = application();
    change({ spec: { ...SPEC, instances: 2 }, activate: true });
    expect(row().activeVersion).toBe(1);
  });

  it("is kept with all that belongs to it, or not at all", ({ expect }) => {
    const { db, row, change, events } = application();
    const error = failureOf(() =>
      change({ spec: { ...SPEC, instances: 2 }, version: { number: 2, insert: SECOND } }, () => {
        throw new Error("full");
      }),
    );
    expect(String(error)).toBe("Error: full");
    expect([row().spec.instances, listVersions(db).length, events()]).toEqual([1, 1, []]);
    let written = 0;
    change({ spec: { ...SPEC, instances: 2 } }, () => (written += 1));
    expect(written).toBe(1);
  });
});
