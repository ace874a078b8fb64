import { describe, it } from "vitest";
import { memoryDatabase } from "../test/unit/sqlite-storage.ts";
import { migrate, type Migration } from "./migrations.ts";
import { APPLICATION_MIGRATIONS } from "./orchestrator/storage/schema.ts";
import { INSTANCE_MIGRATIONS } from "./containers/run-record.ts";

const FIRST: Migration = { id: "001_create", sql: "CREATE TABLE things (id INTEGER PRIMARY KEY)" };
const SECOND: Migration = { id: "002_name", sql: "ALTER TABLE things ADD COLUMN name TEXT" };
const BROKEN: Migration = { id: "002_broken", sql: "ALTER TABLE nothing ADD COLUMN name TEXT" };

describe("a migration", () => {
  it("runs once, and what was stored before stays", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, [FIRST]);
    db.run("INSERT INTO things VALUES (?)", 1);
    migrate(db, [FIRST, SECOND]);
    migrate(db, [FIRST, SECOND]);
    expect(db.all("SELECT * FROM things").map((row) => ({ ...row }))).toEqual([{ id: 1, name: null }]);
  });

  it("that fails leaves nothing of its own or of those before it in the same run", ({ expect }) => {
    const db = memoryDatabase();
    expect(() => migrate(db, [FIRST, BROKEN])).toThrow("nothing");
    expect(db.all("SELECT name FROM sqlite_master")).toEqual([]);
    migrate(db, [FIRST, SECOND]);
    expect(db.all("SELECT id FROM migrations")).toHaveLength(2);
  });

  it("of newer code, a renamed or a reordered one is refused before anything is read", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, [FIRST, SECOND]);
    expect(() => migrate(db, [FIRST])).toThrow("002_name is applied here, but this code has none");
    expect(() => migrate(db, [{ ...FIRST, id: "001_other" }, SECOND])).toThrow("001_other in its place");
    expect(() => migrate(db, [SECOND, FIRST])).toThrow("001_create");
  });

  it.for([APPLICATION_MIGRATIONS, INSTANCE_MIGRATIONS])(
    "of an object can be run on an empty database",
    (migrations, { expect }) => {
      const db = memoryDatabase();
      migrate(db, migrations);
      expect(db.all("SELECT id FROM migrations")).toHaveLength(migrations.length);
      const ids = migrations.map(({ id }) => id);
      expect(ids).toEqual(ids.toSorted((a, b) => (a < b ? -1 : 1)));
    },
  );
});
