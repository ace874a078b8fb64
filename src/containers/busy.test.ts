import { describe, it, vi, onTestFinished } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { migrate } from "../migrations.ts";
import { heldUntil, renewed, resumed } from "./busy.ts";
import { BusyHold } from "./busy-hold.ts";
import { INSTANCE_MIGRATIONS, tombstone, type RunRecord } from "./run-record.ts";
import { RunState } from "./run-state.ts";

describe("a hold", () => {
  it("begins when it is taken, and goes on while renewals follow each other", ({ expect }) => {
    const first = renewed(null, 60, 100);
    expect(first).toEqual({ since: 100, ttlMs: 60, askedAt: 100 });
    expect(renewed(first, 60, 159).since).toBe(100);
    expect(renewed(first, 60, 160).since).toBe(160);
  });

  it("ends when it is not renewed, and at its longest however often it is", ({ expect }) => {
    const hold = renewed(null, 60, 100);
    expect(heldUntil(hold, 1_000)).toBe(160);
    expect(heldUntil(renewed(hold, 60, 150), 1_000)).toBe(210);
    expect(heldUntil(renewed(hold, 60, 150), 70)).toBe(170);
  });

  it("that an eviction has made forget its renewals lasts one time more, within its longest", ({ expect }) => {
    expect(heldUntil(resumed({ since: 100, ttlMs: 60 }, 500), 1_000)).toBe(560);
    expect(heldUntil(resumed({ since: 100, ttlMs: 60 }, 500), 410)).toBe(510);
  });
});

const NOW = 1_000_000;

function stage(maxHoldMs = 100_000) {
  vi.useFakeTimers({ now: NOW });
  onTestFinished(() => void vi.useRealTimers());
  const db = memoryDatabase();
  migrate(db, INSTANCE_MIGRATIONS);
  const state = new RunState(db);
  state.write({ ...tombstone("d", 1, "x"), phase: "running", ending: null, maxHoldMs });
  const changes: number[] = [];
  const lifetime = () => new BusyHold({ state, clock: Date.now, onChange: () => void changes.push(Date.now() - NOW) });
  const record = () => state.record as RunRecord;
  const written = vi.spyOn(db, "run");
  return { rows: () => written.mock.calls.length, state, record, lifetime, changes };
}

async function codeOf(work: () => unknown): Promise<unknown> {
  return await Promise.resolve()
    .then(work)
    .catch((error: { code: string }) => error.code);
}

describe("a container's hold", () => {
  it("costs a row at its beginning and its end, and none for renewals", ({ expect }) => {
    const { rows, record, lifetime, changes } = stage();
    const busy = lifetime();
    const before = rows();
    expect(busy.hold(record(), 3_000)).toBe(NOW + 3_000);
    for (let i = 0; i < 10; i += 1) {
      vi.advanceTimersByTime(1_000);
      busy.hold(record(), 3_000);
    }
    expect(rows() - before).toBe(1);
    expect(busy.isHeld).toBe(true);
    expect(busy.activeAt).toBe(Date.now());
    busy.release(record());
    busy.release(record());
    expect(rows() - before).toBe(2);
    expect([busy.isHeld, busy.activeAt, changes]).toEqual([false, Date.now(), [0, 10_000]]);
  });

  it("is refused after its longest until it is released", async ({ expect }) => {
    const { record, lifetime } = stage(5_000);
    const busy = lifetime();
    busy.hold(record(), 3_000);
    vi.advanceTimersByTime(2_500);
    expect(busy.hold(record(), 3_000)).toBe(NOW + 5_000);
    vi.advanceTimersByTime(2_500);
    expect(busy.isHeld).toBe(false);
    expect(await codeOf(() => busy.hold(record(), 3_000))).toBe("HOLD_EXPIRED");
    vi.advanceTimersByTime(2_500);
    expect(await codeOf(() => busy.hold(record(), 3_000))).toBe("HOLD_EXPIRED");
    busy.release(record());
    expect(busy.hold(record(), 3_000)).toBe(Date.now() + 3_000);
  });

  it("survives an eviction, and is written off when nobody renews it", ({ expect }) => {
    const { rows, record, lifetime } = stage();
    lifetime().hold(record(), 3_000);
    vi.advanceTimersByTime(60_000);
    const later = lifetime();
    later.resume(record());
    expect(later.isHeld).toBe(true);
    expect(later.look(record())).toBe(record());
    vi.advanceTimersByTime(3_000);
    const before = rows();
    expect(later.look(record()).busy).toBeUndefined();
    later.look(record());
    expect([later.isHeld, rows() - before]).toEqual([false, 1]);
  });

  it("is not taken in a stop, but renewed in one", async ({ expect }) => {
    const { state, record, lifetime } = stage();
    const busy = lifetime();
    busy.hold(record(), 3_000);
    state.write({ ...record(), phase: "stopping" });
    vi.advanceTimersByTime(1_000);
    expect(busy.hold(record(), 3_000)).toBe(Date.now() + 3_000);
    busy.release(record());
    expect(await codeOf(() => busy.hold(record(), 3_000))).toBe("INSTANCE_LEAVING");
  });

  it("is of its generation only", ({ expect }) => {
    const { state, record, lifetime } = stage();
    const busy = lifetime();
    busy.hold(record(), 3_000);
    const { busy: _, ...rest } = record();
    state.write({ ...rest, generation: 2 });
    expect(busy.isHeld).toBe(false);
  });

  it("is waited for until it is released, runs out, or the wait is over", async ({ expect }) => {
    const { record, lifetime } = stage();
    const busy = lifetime();
    const waited: string[] = [];
    const wait = (name: string, ms: number) => void busy.freed(Date.now() + ms).then(() => waited.push(name));
    busy.hold(record(), 3_000);
    wait("released", 60_000);
    wait("over", 500);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waited).toEqual(["over"]);
    busy.release(record());
    await vi.advanceTimersByTimeAsync(0);
    expect(waited).toEqual(["over", "released"]);
    busy.hold(record(), 3_000);
    wait("run out", 60_000);
    await vi.advanceTimersByTimeAsync(2_000);
    busy.hold(record(), 3_000);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(waited).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(waited.at(-1)).toBe("run out");
  });
});
