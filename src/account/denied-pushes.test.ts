import { describe, it } from "vitest";
import { DeniedPushes } from "./denied-pushes.ts";

const MINUTE = 60_000;

describe("denied pushes", () => {
  it("are worth one row for each repository and actor in a minute", ({ expect }) => {
    const denied = new DeniedPushes();
    const pushes = [
      ["a", "x"],
      ["a", "x"],
      ["a", "y"],
      ["b", "x"],
    ] as const;
    expect(pushes.map(([repository, actor]) => denied.isNew(repository, actor, MINUTE))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect([denied.isNew("a", "x", 2 * MINUTE - 1), denied.isNew("a", "x", 2 * MINUTE)]).toEqual([false, true]);
  });

  it("of invented names are 120 rows in a minute at most", ({ expect }) => {
    const denied = new DeniedPushes();
    const rows = Array.from({ length: 1_000 }, (_, index) => denied.isNew(`r${index}`, "anonymous", MINUTE));
    expect(rows.filter(Boolean)).toHaveLength(120);
  });
});
