/** The ledger on its own database: what is refused, and that it never says less than what lives. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { migrate } from "../migrations.ts";
import { reserveName } from "./applications.ts";
import { amountsOf, type Ask, type Usage } from "./amounts.ts";
import {
  beyondGrant,
  correct,
  GRANT_MS,
  INTENT_MS,
  removeFromLedger,
  reserve,
  settle,
  unsettled,
  usedBy,
  withdraw,
  type Grant,
} from "./ledger.ts";
import { readSettings, updateSettings, type SettingsPatch } from "./limits.ts";
import { ANYWHERE } from "./locations.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";

const ACCOUNT = "0".repeat(32);

function ledger(patch: SettingsPatch = {}) {
  const db = memoryDatabase();
  migrate(db, ACCOUNT_MIGRATIONS);
  updateSettings(db, ACCOUNT, patch, null);
  const settings = () => readSettings(db, ACCOUNT);
  const ask = (application: string, wanted: Ask, intent: string, now = 0) =>
    reserve(db, settings(), application, wanted, intent, now);
  return { db, ask };
}

function wanting(instances: number, extra: Partial<Ask> = {}): Ask {
  return { instances, size: { vcpu: 0.25, memoryMib: 256, diskMb: 2_000 }, ipv4s: 0, location: ANYWHERE, ...extra };
}

function usage(instances: number, generation: number, extra: Partial<Ask> = {}): Usage {
  return { ...wanting(instances, extra), generation };
}

function sixteenths(instances: number): Ask {
  return wanting(instances, { size: { vcpu: 0.0625, memoryMib: 128, diskMb: 500 } });
}

describe("a reservation", () => {
  it("that would surpass the account's totals says for each resource what is asked, used, allowed and too much", ({
    expect,
  }) => {
    const { ask } = ledger({ limits: { totalVcpu: 1, totalInstances: 10 } });
    expect(ask("a", wanting(3), "1")).toMatchObject({ outcome: "granted" });
    const verdict = ask("b", wanting(8), "2");
    expect(verdict).toMatchObject({ outcome: "refused", code: "SURPASSED_TOTAL_LIMITS" });
    if (verdict.outcome !== "refused") return;
    expect(verdict.details).toEqual({
      instances: "asked 8, used 3 by others, limit 10: 1 too many",
      instances_asked: 8,
      instances_used: 3,
      instances_limit: 10,
      instances_shortfall: 1,
      vcpu: "asked 2, used 0.75 by others, limit 1: 1.75 too many",
      vcpu_asked: 2,
      vcpu_used: 0.75,
      vcpu_limit: 1,
      vcpu_shortfall: 1.75,
    });
  });

  it("of just what is left is granted, and of a sixteenth of a vCPU more is not", ({ expect }) => {
    const { ask } = ledger({ limits: { totalVcpu: 1.5 } });
    ask("a", sixteenths(23), "1");
    expect(ask("b", sixteenths(2), "2").outcome).toBe("refused");
    expect(ask("b", sixteenths(1), "3").outcome).toBe("granted");
  });

  it("is of an absolute amount: asking twice is asking once", ({ expect }) => {
    const { db, ask } = ledger({ limits: { totalInstances: 5 } });
    expect([ask("a", wanting(5), "1"), ask("a", wanting(5), "2")].map(({ outcome }) => outcome)).toEqual([
      "granted",
      "granted",
    ]);
    expect(usedBy(db, null).instances).toBe(5);
  });

  it("to shrink is granted even when the limit was lowered below what is used", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(8), "1");
    updateSettings(db, ACCOUNT, { limits: { totalInstances: 2, vcpuPerDeployment: 0.125 }, defaults: {} }, null);
    expect(ask("a", wanting(5), "2").outcome).toBe("granted");
    expect(ask("a", wanting(9), "3").outcome).toBe("refused");
  });

  it("of an instance above the limits of one is refused by its size, before any total", ({ expect }) => {
    const { ask } = ledger({ limits: { memoryMibPerDeployment: 1_024, totalInstances: 1 } });
    const big = wanting(5, { size: { vcpu: 0.25, memoryMib: 2_048, diskMb: 2_000 } });
    expect(ask("a", big, "1")).toMatchObject({
      code: "SURPASSED_BASE_LIMITS",
      details: {
        memory_mib: "asked 2048, limit 1024 per deployment",
        memory_mib_asked: 2_048,
        memory_mib_limit: 1_024,
      },
    });
  });

  it("in a location that is unknown or closed names those that are open", ({ expect }) => {
    const { ask } = ledger({ locations: { wnam: { enabled: false } } });
    for (const location of ["mars", "wnam"]) {
      const verdict = ask("a", wanting(1, { location }), "1");
      expect(verdict).toMatchObject({ code: "LOCATION_NOT_ALLOWED", details: { location } });
      expect(verdict.outcome === "refused" && verdict.details["allowed"]).not.toContain("wnam");
    }
  });

  it("in a location is held against the location's own limits, of one instance and of all", ({ expect }) => {
    const { ask } = ledger({ locations: { weur: { limits: { vcpuPerDeployment: 0.25, totalVcpu: 1 } } } });
    const big = wanting(1, { location: "weur", size: { vcpu: 0.5, memoryMib: 256, diskMb: 500 } });
    expect(ask("a", big, "1")).toMatchObject({ code: "LOCATION_SURPASSED_BASE_LIMITS" });
    expect(ask("a", wanting(4, { location: "weur" }), "2").outcome).toBe("granted");
    expect(ask("b", wanting(1, { location: "weur" }), "3")).toMatchObject({ code: "SURPASSED_TOTAL_LIMITS" });
    expect(ask("b", wanting(1, { location: "enam" }), "4").outcome).toBe("granted");
  });

  it("of IPv4 addresses is held against their number", ({ expect }) => {
    const { ask } = ledger({ limits: { ipv4s: 2 } });
    expect(ask("a", wanting(3, { ipv4s: 1 }), "1")).toMatchObject({ code: "SURPASSED_TOTAL_LIMITS" });
    expect(ask("a", wanting(3), "2").outcome).toBe("granted");
  });
});

describe("a write", () => {
  it("counts with the most of what was and what is intended until it has settled", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(5), "1");
    settle(db, "a", usage(5, 1), "1", 0);
    ask("a", wanting(2), "down", 1);
    ask("a", wanting(7), "up", 1);
    expect(usedBy(db, null).instances).toBe(7);
    settle(db, "a", usage(7, 2), "up", 2);
    expect(usedBy(db, null).instances).toBe(7);
    settle(db, "a", usage(2, 3), "down", 3);
    expect(usedBy(db, null).instances).toBe(2);
  });

  it("that settles late, after a newer one, changes no amounts", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(5), "1");
    ask("a", wanting(9), "2");
    settle(db, "a", usage(9, 3), "2", 1);
    settle(db, "a", usage(5, 2), "1", 2);
    expect(usedBy(db, null).instances).toBe(9);
  });

  it("that was refused leaves what was", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(1), "1");
    settle(db, "a", usage(1, 1), "1", 0);
    ask("a", wanting(9), "2");
    withdraw(db, "a", "2", 1);
    expect(usedBy(db, null).instances).toBe(1);
    expect(unsettled(db, INTENT_MS * 2)).toEqual([]);
  });

  it("that moves to another location leaves nothing in the old one", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(2, { location: "weur" }), "1");
    settle(db, "a", usage(2, 1, { location: "weur" }), "1", 0);
    ask("a", wanting(2, { location: "enam" }), "2");
    expect([usedBy(db, "weur").instances, usedBy(db, "enam").instances]).toEqual([2, 2]);
    settle(db, "a", usage(2, 2, { location: "enam" }), "2", 1);
    expect([usedBy(db, "weur").instances, usedBy(db, "enam").instances]).toEqual([0, 2]);
  });

  it("that was cut off is cleared up once its grant has expired, by what the application says", ({ expect }) => {
    const { db, ask } = ledger();
    ask("kept", wanting(1), "1");
    settle(db, "kept", usage(1, 1), "1", 0);
    ask("kept", wanting(9), "cut off");
    ask("never made", wanting(4), "2");
    expect(unsettled(db, INTENT_MS - 1)).toEqual([]);
    expect(unsettled(db, INTENT_MS).toSorted()).toEqual(["kept", "never made"]);
    correct(db, "kept", usage(1, 1), INTENT_MS);
    correct(db, "never made", null, INTENT_MS);
    expect(usedBy(db, null).instances).toBe(1);
    expect(unsettled(db, INTENT_MS * 9)).toEqual([]);
  });

  it("is cleared up by the next write that settles, once its grant had expired when that began", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(1), "1");
    settle(db, "a", usage(1, 1), "1", 0);
    ask("a", wanting(9), "cut off", 1);
    ask("a", wanting(2), "2", INTENT_MS);
    settle(db, "a", usage(2, 2), "2", INTENT_MS);
    expect(usedBy(db, null).instances).toBe(9);
    ask("a", wanting(3), "3", INTENT_MS + 1);
    settle(db, "a", usage(3, 3), "3", INTENT_MS + 1);
    expect(usedBy(db, null).instances).toBe(3);
    expect(unsettled(db, INTENT_MS * 9)).toEqual([]);
  });

  it("leaves no application out that the ledger knows nothing of", ({ expect }) => {
    const { db } = ledger();
    reserveName(db, "old", "old-id", "application", 0);
    expect(unsettled(db, INTENT_MS - 1)).toEqual([]);
    expect(unsettled(db, INTENT_MS)).toEqual(["old-id"]);
    correct(db, "old-id", usage(4, 7), INTENT_MS);
    expect(usedBy(db, null).instances).toBe(4);
    expect(unsettled(db, INTENT_MS * 2)).toEqual([]);
  });

  it("is never cleared up while a newer one is under way", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(1), "1");
    ask("a", wanting(9), "2", INTENT_MS);
    correct(db, "a", usage(1, 1), INTENT_MS + 1);
    expect(usedBy(db, null).instances).toBe(9);
  });

  it("of an application that was deleted meanwhile brings nothing back", ({ expect }) => {
    const { db, ask } = ledger();
    ask("a", wanting(1), "1");
    removeFromLedger(db, "a");
    settle(db, "a", usage(1, 1), "1", 1);
    withdraw(db, "a", "1", 1);
    expect(usedBy(db, null).instances).toBe(0);
  });
});

interface Application {
  usage: Usage;
}

/** As `Application` does it: within the grant or not at all. */
function write(current: Application | undefined, grant: Grant, wanted: Ask, now: number): Application | null {
  const next: Usage = { ...wanted, generation: (current?.usage.generation ?? 0) + 1 };
  return beyondGrant(grant, next, now) === null ? { usage: next } : null;
}

const LIMIT = 12;

/** One write, its steps in any order with those of others, and cut off after any of them. */
const writeSteps = fc.record({
  application: fc.constantFrom("a", "b", "c"),
  instances: fc.integer({ min: 0, max: LIMIT + 2 }),
  size: fc.constantFrom(0.0625, 0.25, 1),
  steps: fc.integer({ min: 1, max: 3 }),
  kind: fc.constantFrom("write", "write", "write", "delete", "reconcile"),
});

describe("S15", () => {
  it("holds under any interleaving of writes, deletes, crashes and repairs", { timeout: 60_000 }, ({ expect }) => {
    fc.assert(
      fc.property(
        fc.array(writeSteps, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat(1_000)),
        (plans, picks) => {
          const { db, ask } = ledger({ limits: { totalInstances: LIMIT, totalVcpu: 4 } });
          const live = new Map<string, Application>();
          const gone = new Set<string>();
          let now = 0;
          const open: (() => boolean)[] = plans.map((planned, index) => {
            let step = 0;
            let grant: Grant | null = null;
            let isCreation = false;
            const wanted = wanting(planned.instances, {
              size: { vcpu: planned.size, memoryMib: 256, diskMb: 500 },
            });
            const intent = String(index);
            const { application } = planned;
            // Returns whether there is more to do.
            return () => {
              if (planned.kind === "delete") {
                // What was deleted is never written again: ids are not reused.
                if (!live.delete(application)) return false;
                gone.add(application);
                removeFromLedger(db, application);
                return false;
              }
              if (planned.kind === "reconcile") {
                now += INTENT_MS;
                for (const id of unsettled(db, now)) correct(db, id, live.get(id)?.usage ?? null, now);
                return false;
              }
              step += 1;
              if (step === 1) {
                const verdict = ask(application, wanted, intent, now);
                if (verdict.outcome === "refused") return false;
                ({ grant } = verdict);
                isCreation = verdict.settled;
              } else if (step === 2 && grant !== null) {
                const current = live.get(application);
                // Creating what is there changes nothing, and what is not there cannot be changed.
                if (isCreation && current !== undefined) return step < planned.steps;
                const isThere = isCreation ? !gone.has(application) : current !== undefined;
                const next = isThere ? write(current, grant, wanted, now) : null;
                if (next === null) {
                  withdraw(db, application, intent, now);
                  return false;
                }
                live.set(application, next);
              } else if (step === 3) {
                const current = live.get(application);
                if (current !== undefined) settle(db, application, current.usage, intent, now);
              }
              return step < planned.steps;
            };
          });
          const picked = picks[Symbol.iterator]();
          while (open.length > 0) {
            now += 1;
            const at = Number(picked.next().value) % open.length;
            const more = open[at]?.();
            if (more !== true) open.splice(at, 1);
            const lives = [...live.values()].map((application) => amountsOf(application.usage));
            const used = usedBy(db, null);
            const sum = (key: "instances" | "vcpu") => lives.reduce((total, amounts) => total + amounts[key], 0);
            expect(sum("instances")).toBeLessThanOrEqual(used.instances);
            expect(sum("vcpu")).toBeLessThanOrEqual(used.vcpu + 1e-6);
            expect(used.instances).toBeLessThanOrEqual(LIMIT);
            expect(used.vcpu).toBeLessThanOrEqual(4 + 1e-6);
          }
          now += INTENT_MS + GRANT_MS;
          for (const id of unsettled(db, now)) correct(db, id, live.get(id)?.usage ?? null, now);
          const lives = [...live.values()].map((application) => amountsOf(application.usage));
          expect(usedBy(db, null).instances).toBe(lives.reduce((total, amounts) => total + amounts.instances, 0));
        },
      ),
      { numRuns: 400 },
    );
  });
});
