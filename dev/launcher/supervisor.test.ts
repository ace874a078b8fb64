import { describe, it } from "vitest";
import { supervise, type Supervisor, type SupervisedSession } from "./supervisor.ts";

interface FakeSession extends SupervisedSession {
  readonly number: number;
  readonly end: (reason: string) => void;
}

/** A machine on which sessions start as `plan` says and time passes only by sleeping. */
function machine(plan: readonly ("ok" | Error)[], waitsForChange = false) {
  const controller = new AbortController();
  const history: string[] = [];
  const sleeps: number[] = [];
  const whenReady: { current: (session: FakeSession) => void } = { current: () => undefined };
  let started = 0;
  let time = 0;
  let change: (() => void) | undefined;
  const supervisor: Supervisor<FakeSession> = {
    signal: controller.signal,
    now: () => time,
    sleep: (ms) => {
      sleeps.push(ms);
      time += ms;
      return Promise.resolve();
    },
    log: (line) => history.push(line),
    changed: () =>
      new Promise((resolve) => {
        change = resolve;
      }),
    waitsForChange,
    start: () => {
      const number = ++started;
      const outcome = plan[number - 1] ?? "ok";
      history.push(`start ${number}`);
      if (outcome !== "ok") return Promise.reject(outcome);
      const { promise, resolve } = Promise.withResolvers<string>();
      return Promise.resolve({
        number,
        ended: promise,
        end: resolve,
        stop: () => {
          history.push(`stop ${number}`);
          return Promise.resolve();
        },
      });
    },
    onReady: (session, isFirst) => {
      history.push(`ready ${session.number}${isFirst ? " first" : ""}`);
      whenReady.current(session);
      return Promise.resolve();
    },
  };
  return {
    history,
    sleeps,
    abort: () => controller.abort(),
    change: () => change?.(),
    pass: (ms: number) => (time += ms),
    run: (ready: (session: FakeSession) => void) => {
      whenReady.current = ready;
      return supervise(supervisor);
    },
  };
}

describe("the supervisor", () => {
  it("removes what a dead session left before it starts the next", async ({ expect }) => {
    const { run, history, abort, sleeps } = machine([]);
    await run(({ number, end }) => (number === 1 ? end("workerd died") : abort()));
    expect(history).toEqual([
      "start 1",
      "ready 1 first",
      "workerd died. Removing its containers and starting again.",
      "stop 1",
      "start 2",
      "ready 2",
      "stop 2",
    ]);
    expect(sleeps).toEqual([0]);
  });

  it("slows down and says so where a session keeps dying, and forgets that after a long life", async ({ expect }) => {
    const { run, history, abort, sleeps, pass } = machine([]);
    await run(({ number, end }) => {
      if (number === 5) pass(60_000);
      if (number === 7) abort();
      else end("it died");
    });
    expect(sleeps).toEqual([0, 1000, 2000, 4000, 0, 0]);
    expect(history.filter((line) => line.includes("times in a row"))).toHaveLength(2);
    expect(history).toContain(
      "Gantry ended 3 times in a row, last because: it died. Next try in 2 s; Ctrl-C gives up.",
    );
  });

  it("tries again where a later start fails", async ({ expect }) => {
    const { run, history, abort } = machine(["ok", new Error("no engine"), "ok"]);
    await run(({ number, end }) => (number === 1 ? end("died") : abort()));
    expect(history.filter((line) => line.startsWith("start"))).toEqual(["start 1", "start 2", "start 3"]);
  });

  it("gives up where the first start fails", async ({ expect }) => {
    const { run, history } = machine([new Error("no engine")]);
    await expect(run(() => undefined)).rejects.toThrow("no engine");
    expect(history).toEqual(["start 1"]);
  });

  it("waits for a change of the sources where a start fails and somebody edits them", async ({ expect }) => {
    const { run, history, abort, change } = machine([new Error("bad syntax"), "ok"], true);
    const done = run(abort);
    while (!history.some((line) => line.includes("Waiting"))) await new Promise(setImmediate);
    change();
    await done;
    expect(history).toEqual([
      "start 1",
      "Gantry did not start: bad syntax. Waiting for a change.",
      "Sources changed: starting again.",
      "start 2",
      "ready 2 first",
      "stop 2",
    ]);
  });

  it("starts a new session when sources change", async ({ expect }) => {
    const { run, history, abort, change, sleeps } = machine([], true);
    await run(({ number }) => {
      if (number === 1) setImmediate(change);
      else abort();
    });
    expect(history.slice(2, 5)).toEqual(["stop 1", "Sources changed: starting again.", "start 2"]);
    expect(sleeps).toEqual([]);
  });

  it("ends quietly when it is stopped during a start", async ({ expect }) => {
    const { run, history, abort } = machine([new Error("stopped")]);
    abort();
    await run(() => undefined);
    expect(history).toEqual([]);
  });
});
