import { it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { REGISTRY_MIGRATIONS } from "../store/migrations.ts";
import { deleteDoomed, doom, hasDoomed } from "./doomed.ts";

function doomedDatabase() {
  const db = memoryDatabase();
  migrate(db, REGISTRY_MIGRATIONS);
  return db;
}

/** A bucket that fails at those of its calls. */
function bucketFailing(...calls: number[]) {
  const deleted: string[][] = [];
  let count = 0;
  const remove = async (keys: string[]) => {
    count += 1;
    if (calls.includes(count)) throw new Error("R2 is away");
    deleted.push(keys);
    return await Promise.resolve();
  };
  const bucket: unknown = { delete: remove };
  return { bucket: bucket as R2Bucket, deleted };
}

const KEYS = Array.from({ length: 2_500 }, (_, number) => `key ${number}`);

it("doomed keys are deleted by the thousand", async ({ expect }) => {
  const db = doomedDatabase();
  const { bucket, deleted } = bucketFailing();
  doom(db, KEYS);
  await deleteDoomed(db, bucket);
  expect(deleted.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  expect(deleted.flat()).toEqual(KEYS);
  expect(hasDoomed(db)).toBe(false);
});

it("what R2 does not delete stays doomed, and goes with the next try", async ({ expect }) => {
  const db = doomedDatabase();
  const { bucket, deleted } = bucketFailing(2);
  doom(db, KEYS);
  await expect(deleteDoomed(db, bucket)).rejects.toThrow("R2 is away");
  expect(hasDoomed(db)).toBe(true);
  await deleteDoomed(db, bucket);
  expect(deleted.flat()).toEqual(KEYS);
});

it("no keys cost no row", ({ expect }) => {
  const db = doomedDatabase();
  doom(db, []);
  expect(hasDoomed(db)).toBe(false);
});
