import { describe, it } from "vitest";
import { memoryDatabase } from "../test/unit/sqlite-storage.ts";
import { Remembered } from "./remembered.ts";

function counted() {
  const db = memoryDatabase();
  db.run("CREATE TABLE counts (n INTEGER NOT NULL)");
  db.run("INSERT INTO counts VALUES (1)");
  let reads = 0;
  const count = new Remembered((from) => {
    reads += 1;
    return from.one<{ n: number }>("SELECT n FROM counts")?.n ?? 0;
  });
  const write = (n: number) => {
    db.run("UPDATE counts SET n = ?", n);
    count.set(db, n);
  };
  return { db, count, write, reads: () => reads };
}

describe("a remembered value", () => {
  it("is read once, and is what was last written", ({ expect }) => {
    const { db, count, write, reads } = counted();
    expect([count.get(db), count.get(db), reads()]).toEqual([1, 1, 1]);
    write(2);
    expect([count.get(db), reads()]).toEqual([2, 1]);
  });

  it("is read again after a write that was rolled back", ({ expect }) => {
    const { db, count, write, reads } = counted();
    expect(count.get(db)).toBe(1);
    const cut = () =>
      db.transaction(() => {
        write(3);
        throw new Error("cut");
      });
    expect(cut).toThrow("cut");
    expect([count.get(db), reads()]).toEqual([1, 2]);
  });

  it("is read again when it was first known within what was rolled back", ({ expect }) => {
    const { db, count } = counted();
    const cut = () =>
      db.transaction(() => {
        db.run("UPDATE counts SET n = 4");
        expect(count.get(db)).toBe(4);
        throw new Error("cut");
      });
    expect(cut).toThrow("cut");
    expect(count.get(db)).toBe(1);
  });

  it("is each store's own", ({ expect }) => {
    const { db, count, write } = counted();
    write(5);
    const other = counted();
    expect([count.get(db), count.get(other.db)]).toEqual([5, 1]);
  });
});
