import { describe, it, vi } from "vitest";
import { NO_USAGE, type EgressTold } from "../../egress/told.ts";
import { migrate } from "../../migrations.ts";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { listEvents } from "../events.ts";
import { APPLICATION_MIGRATIONS } from "../storage/schema.ts";
import { DENIALS_KEPT, EgressLog, NEWS_KEPT } from "./egress-log.ts";

const NOW = 1_700_000_000_000;

function made() {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
  const later: (() => void)[] = [];
  return { db, later, log: new EgressLog(db, (run) => void later.push(run)) };
}

function denied(host: string, count = 1): EgressTold {
  const denial = { host, method: "GET", rule: "allow", reason: "not_allowed", count } as const;
  return { usage: { ...NO_USAGE, requests: count, denied: count }, denials: [denial] };
}

const USED: EgressTold = { usage: { requests: 2, denied: 0, bytesUp: 10, bytesDown: 20 }, denials: [] };

describe("what was denied", () => {
  it("is one line for each host of an instance, and news once in a while", ({ expect }) => {
    const { db, log } = made();
    log.tell("d", 1, denied("x.test"), NOW);
    log.tell("d", 1, denied("x.test", 4), NOW + 1_000);
    log.tell("d", 2, denied("x.test"), NOW + 1_000_000);
    expect(log.denials()).toMatchObject([
      { deployment: "d", host: "x.test", count: 6, firstAt: NOW, lastAt: NOW + 1_000_000 },
    ]);
    const events = listEvents(db, 0, 10).events;
    expect(events.map(({ name, type, generation }) => [name, type, generation])).toEqual([
      ["EgressDenied", "Warn", 1],
      ["EgressDenied", "Warn", 2],
    ]);
  });

  it("is kept for so many, the latest of them", ({ expect }) => {
    const { log } = made();
    for (let n = 0; n < DENIALS_KEPT + 150; n += 1) log.tell("d", 1, denied(`${n}.test`), NOW + n);
    const hosts = log.denials().map(({ host }) => host);
    expect([hosts.length, hosts[0], hosts.includes("0.test")]).toEqual([
      DENIALS_KEPT,
      `${DENIALS_KEPT + 149}.test`,
      false,
    ]);
  });

  it("of a thousand hosts is so many events, and news again later", ({ expect }) => {
    const { db, log } = made();
    for (let n = 0; n < 1_000; n += 1) log.tell("d", 1, denied(`${n}.test`), NOW + n);
    log.tell("other", 1, denied("x.test"), NOW + 1_000);
    log.tell("d", 1, denied("later.test"), NOW + 600_000);
    const { events } = listEvents(db, 0, 100);
    expect(events.map(({ deployment }) => deployment)).toEqual([
      ...Array.from({ length: NEWS_KEPT }, () => "d"),
      "other",
      "d",
    ]);
    expect(events[NEWS_KEPT - 1]?.message).toContain("in the egress log alone");
    expect(log.denials()).toHaveLength(1_000);
  });

  it("costs three rows the first time, and two when it is no news", ({ expect }) => {
    const { db, log } = made();
    log.tell("d", 1, denied("y.test"), NOW);
    const run = vi.spyOn(db, "run");
    log.tell("d", 1, denied("x.test"), NOW);
    const first = run.mock.calls.length;
    log.tell("d", 1, denied("x.test"), NOW + 1);
    expect([first, run.mock.calls.length - first]).toEqual([3, 2]);
  });
});

describe("what went through", () => {
  it("is a row now and then, and known at once", ({ expect }) => {
    const { db, later, log } = made();
    const run = vi.spyOn(db, "run");
    for (let n = 0; n < 10; n += 1) log.tell("d", 1, USED, NOW + n);
    expect([run.mock.calls.length, later.length]).toEqual([0, 1]);
    expect(log.usage).toEqual({ requests: 20, denied: 0, bytesUp: 100, bytesDown: 200 });
    later[0]?.();
    expect(run).toHaveBeenCalledTimes(1);
    expect(new EgressLog(db, () => undefined).usage.requests).toBe(20);
  });

  it("is written no more when its object is about to be erased", ({ expect }) => {
    const { db, later, log } = made();
    log.tell("d", 1, USED, NOW);
    const run = vi.spyOn(db, "run");
    log.close();
    later[0]?.();
    expect(run).not.toHaveBeenCalled();
  });
});
