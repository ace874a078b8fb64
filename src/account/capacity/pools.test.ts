/** What of an account's settings, and of the control plane's own maximum, is in force. */
import { describe, it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { readSettings, updateSettings, type SettingsPatch } from "../limits.ts";
import { ACCOUNT_MIGRATIONS } from "../migrations.ts";
import { poolsOf } from "./pools.ts";

const ACCOUNT = "0".repeat(32);

function settings(...patches: SettingsPatch[]) {
  const db = memoryDatabase();
  migrate(db, ACCOUNT_MIGRATIONS);
  for (const patch of patches) updateSettings(db, ACCOUNT, patch, null);
  return readSettings(db, ACCOUNT);
}

describe("capacity", () => {
  it.for([
    [undefined, null],
    ["", null],
    ["20", 20],
    ["0", 0],
    ["many", null],
    ["-1", null],
    [" 20 ", 20],
    ["20 of them", null],
    ["1234567890", null],
  ] as const)(
    "of an account that sets none is GANTRY_MAX_INSTANCES %s instances: %s",
    ([most, instances], { expect }) => {
      expect(poolsOf(settings(), most).total).toEqual({ instances, vcpu: null, memoryMib: null, diskMb: null });
    },
  );

  it("that the account sets goes before GANTRY_MAX_INSTANCES", ({ expect }) => {
    expect(poolsOf(settings({ capacity: { instances: 36 } }), "20").total.instances).toBe(36);
    expect(poolsOf(settings({ capacity: { vcpu: 4 } }), "20").total).toMatchObject({ instances: 20, vcpu: 4 });
  });

  it("keeps what a change does not name, and null takes a number back", ({ expect }) => {
    const all = settings({ capacity: { instances: 5, vcpu: 2 } }, { capacity: { vcpu: null } });
    expect(poolsOf(all, "").total).toMatchObject({ instances: 5, vcpu: null });
  });

  it("of locations is that of those that have one", ({ expect }) => {
    const weur = { capacity: { instances: 2 } };
    const { locations } = poolsOf(settings({ locations: { weur, enam: { weight: 2 } } }), "");
    expect([...locations]).toEqual([["weur", { instances: 2, vcpu: null, memoryMib: null, diskMb: null }]]);
  });
});
