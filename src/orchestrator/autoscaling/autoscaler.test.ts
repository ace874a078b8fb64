import { describe, it } from "vitest";
import type { ApplicationRow, ApplicationSpec } from "../storage/application-row.ts";
import { Autoscaler } from "./autoscaler.ts";
import type { Autoscaling } from "./policy.ts";

const MINUTE = 60_000;

/** An application whose count follows what the autoscaler says, in a time that the test moves. */
class Followed {
  now = 1_000_000;
  waiting = 0;
  wakesAt: number | null = null;
  timers = 0;
  readonly counts: number[] = [];
  row: ApplicationRow;
  autoscaler: Autoscaler;
  quietSince: number | null = null;

  constructor(policy: Partial<Autoscaling>, instances = 1) {
    const autoscaling: Autoscaling = {
      min: 1,
      max: 50,
      target: { kind: "concurrency", value: 10 },
      idleAfterMs: 10 * MINUTE,
      ...policy,
    };
    const spec: ApplicationSpec = {
      instances,
      maxInstances: null,
      ingress: "public",
      checkEveryMs: MINUTE,
      autoscaling,
    };
    const at = { generation: 1, observedGeneration: 1, createdAt: 0, updatedAt: 0 };
    const identity = { id: "a", kind: "application", accountId: "acc", name: "app", session: "" } as const;
    this.row = { ...identity, spec, activeVersion: 1, deleting: false, ...at };
    this.autoscaler = this.born();
  }

  /** As the object comes into memory again: of what it had there it knows nothing. */
  born(): Autoscaler {
    return new Autoscaler({
      clock: () => this.now,
      row: () => this.row,
      waiting: () => this.waiting,
      scale: (count) => {
        this.counts.push(count);
        this.row = { ...this.row, spec: { ...this.row.spec, instances: count } };
      },
      quietSince: () => this.quietSince,
      keepQuiet: (since) => {
        this.quietSince = since;
      },
      wakeAt: (at_) => {
        this.wakesAt = at_;
        this.timers += 1;
      },
    });
  }

  get count(): number {
    return this.row.spec.instances;
  }

  /** The instance that reported says that it has nothing under way. */
  idle(): void {
    this.now += 2_000;
    this.autoscaler.report("d", { inFlight: 0, requestsPerSecond: 0, at: this.now });
  }

  /** Instances report every two seconds for so long. */
  load(ms: number, inFlight: (at: number) => number): void {
    const end = this.now + ms;
    const begin = this.now;
    while (this.now < end) {
      this.now += 2_000;
      this.autoscaler.report("d", { inFlight: inFlight(this.now - begin), requestsPerSecond: 0, at: this.now });
    }
  }

  /** Nothing is reported: only the timer fires. `forgets`: each time in another life of the object. */
  rest(ms: number, { forgets = false } = {}): void {
    const end = this.now + ms;
    while (this.wakesAt !== null && this.wakesAt <= end) {
      this.now = Math.max(this.now, this.wakesAt);
      this.wakesAt = null;
      if (forgets) this.autoscaler = this.born();
      this.autoscaler.onTimer();
    }
    this.now = end;
  }
}

describe("an application that is scaled by its load", () => {
  it("has what a steady load asks for within two windows, and changes nothing more", ({ expect }) => {
    const app = new Followed({});
    app.load(2 * MINUTE, () => 95);
    // Nearer than a tenth to its target is at it.
    expect([9, 10]).toContain(app.count);
    const { count } = app;
    const changes = app.counts.length;
    app.load(10 * MINUTE, (at) => 95 + (at % 4_000 === 0 ? 4 : -4));
    expect([app.count, app.counts.length]).toEqual([count, changes]);
  });

  it("goes up at once when many come at the same time", ({ expect }) => {
    const app = new Followed({});
    app.load(4_000, () => 200);
    expect(app.count).toBeGreaterThanOrEqual(10);
    app.load(2 * MINUTE, () => 200);
    expect(app.count).toBeGreaterThanOrEqual(19);
    expect(app.count).toBeLessThanOrEqual(20);
  });

  it("goes down once, after five minutes, and does not flap under a load that comes and goes", ({ expect }) => {
    const app = new Followed({});
    app.load(2 * MINUTE, () => 100);
    const up = app.counts.length;
    app.load(20 * MINUTE, (at) => (Math.floor(at / (2 * MINUTE)) % 2 === 0 ? 20 : 100));
    expect(app.counts.slice(up)).toEqual([]);
    app.load(10 * MINUTE, () => 20);
    expect(app.count).toBe(2);
    app.idle();
    app.rest(7 * MINUTE);
    expect(app.count).toBe(1);
    expect(app.wakesAt).toBeNull();
  });

  it("rests with none after a long time without load, and comes back for the first who waits", ({ expect }) => {
    const app = new Followed({ min: 0 });
    app.load(MINUTE, () => 5);
    app.idle();
    app.rest(9 * MINUTE);
    expect(app.count).toBe(1);
    app.rest(2 * MINUTE);
    expect(app.count).toBe(0);
    expect(app.wakesAt).toBeNull();
    app.waiting = 1;
    app.autoscaler.look();
    expect(app.count).toBe(1);
  });

  it("rests, and comes down, also where its object is put out of memory meanwhile", ({ expect }) => {
    for (const [min, most] of [
      [0, 5],
      [1, 60],
    ] as const) {
      const app = new Followed({ min });
      app.load(2 * MINUTE, () => most);
      app.idle();
      const { count } = app;
      app.rest(4 * MINUTE, { forgets: true });
      expect(app.count).toBe(count);
      // No later than it would have known by itself, but for what its averages take to fall.
      app.rest(7 * MINUTE, { forgets: true });
      expect(app.count).toBe(min);
    }
  });

  it("forgets how long it was quiet when there is load", ({ expect }) => {
    const app = new Followed({ min: 0 });
    app.load(MINUTE, () => 5);
    app.idle();
    app.rest(9 * MINUTE, { forgets: true });
    expect(app.quietSince).not.toBeNull();
    app.load(10_000, () => 5);
    expect(app.quietSince).toBeNull();
    app.idle();
    app.rest(9 * MINUTE, { forgets: true });
    expect(app.count).toBe(1);
  });

  it("takes an instance that has gone silent for one that has gone", ({ expect }) => {
    const app = new Followed({});
    app.load(2 * MINUTE, () => 95);
    app.rest(10 * MINUTE);
    expect(app.count).toBe(1);
  });

  it("sets few timers, however often it is told of load", ({ expect }) => {
    const app = new Followed({});
    app.load(10 * MINUTE, () => 95);
    // One each half minute: each costs rows.
    expect(app.timers).toBeLessThanOrEqual(10 * 2 + 1);
    expect(app.wakesAt).toBeGreaterThan(0);
  });

  it("counts no report that comes late, again, or after a newer one", ({ expect }) => {
    const app = new Followed({});
    app.load(2 * MINUTE, () => 5);
    const late = { inFlight: 400, requestsPerSecond: 0, at: app.now - 1_000 };
    app.idle();
    const idleAt = app.now;
    for (let second = 0; second < 240; second += 1) {
      app.now += 1_000;
      app.autoscaler.report("d", late);
      if (app.now > late.at + 30_000) app.autoscaler.report("of one that is gone", late);
      if (app.wakesAt !== null && app.wakesAt <= app.now) app.autoscaler.look();
    }
    expect(app.counts).toEqual([]);
    app.autoscaler.report("d", { ...late, at: idleAt + 239_000 });
    app.now += 6_000;
    app.autoscaler.look();
    expect(app.count).toBeGreaterThan(1);
  });

  it("notices in time that one of several has gone silent", ({ expect }) => {
    const app = new Followed({ target: { kind: "concurrency", value: 2 }, min: 2 }, 2);
    const say = (id: string, inFlight: number) =>
      app.autoscaler.report(id, { inFlight, requestsPerSecond: 0, at: app.now });
    app.rest(2 * MINUTE);
    say("a", 1);
    app.now += 2_000;
    say("b", 5);
    // What "b" said is taken for true for half a minute, and for no longer than that.
    app.rest(2 * MINUTE);
    expect(app.counts).toEqual([]);
  });

  it("follows requests a second, or who waits, where those are its target", ({ expect }) => {
    const rps = new Followed({ target: { kind: "rps", value: 50 } });
    for (let round = 0; round < 60; round += 1) {
      rps.now += 2_000;
      rps.autoscaler.report("d", { inFlight: 1_000, requestsPerSecond: 240, at: rps.now });
    }
    expect(rps.count).toBe(5);
    const queue = new Followed({ target: { kind: "queue", value: 2 } });
    queue.waiting = 12;
    queue.load(2 * MINUTE, () => 1_000);
    expect(queue.count).toBe(6);
  });

  it("comes back from none when a warm one answers, whatever its target is", ({ expect }) => {
    for (const kind of ["concurrency", "rps", "queue"] as const) {
      const app = new Followed({ min: 0, target: { kind, value: 100 } }, 0);
      app.autoscaler.report("warm", { inFlight: 0, requestsPerSecond: 0, at: app.now });
      expect(app.count).toBe(0);
      app.now += 2_000;
      app.autoscaler.report("warm", { inFlight: 0, requestsPerSecond: 0.5, at: app.now });
      expect([kind, app.count]).toEqual([kind, 1]);
    }
  });

  it("does not sleep while it answers, also when its target counts something else", ({ expect }) => {
    const app = new Followed({ min: 0, target: { kind: "queue", value: 2 }, idleAfterMs: MINUTE });
    app.load(20 * MINUTE, () => 3);
    expect(app.count).toBe(1);
    app.load(2_000, () => 0);
    app.rest(20 * MINUTE);
    expect(app.count).toBe(0);
  });

  it("comes down from what a user made it when nobody comes, and not before his word has stood for a while", ({
    expect,
  }) => {
    const app = new Followed({}, 1);
    app.rest(30 * MINUTE);
    app.now += 30 * MINUTE;
    app.row = { ...app.row, spec: { ...app.row.spec, instances: 7 } };
    app.autoscaler.changed();
    expect(app.wakesAt).not.toBeNull();
    app.rest(4 * MINUTE);
    expect(app.count).toBe(7);
    app.rest(10 * MINUTE);
    expect([app.count, app.wakesAt]).toEqual([1, null]);
    const { timers } = app;
    app.autoscaler.changed();
    expect(app.timers).toBe(timers);
  });

  it("is left alone when it is no longer to be scaled", ({ expect }) => {
    const app = new Followed({});
    app.load(MINUTE, () => 95);
    const { autoscaling: _, ...spec } = app.row.spec;
    app.row = { ...app.row, spec };
    app.counts.length = 0;
    app.load(MINUTE, () => 500);
    expect([app.counts, app.wakesAt]).toEqual([[], null]);
  });
});
