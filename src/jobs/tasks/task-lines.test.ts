import { describe, it } from "vitest";
import { TaskLines } from "./task-lines.ts";
import { beginTry, newTask, type Task, type TaskMode } from "./task.ts";

const NOBODY = new Map<string, unknown>();

function tasks(count: number, fairnessKey: string, first = 1, mode: TaskMode = "http"): Task[] {
  return Array.from({ length: count }, (_, n) => {
    const draft = { id: `${fairnessKey}${n}`, key: null, mode, fairnessKey, ttlMs: 0, delayMs: 0 };
    return newTask({ ...draft, work: { fingerprint: "", payload: null, run: null, http: null } }, first + n, 0);
  });
}

function linesOf(...all: readonly Task[]): TaskLines {
  const lines = new TaskLines();
  for (const task of all) lines.put(task);
  return lines;
}

/** Who gets the next `count` turns, each of which is over before the next begins. */
function turns(lines: TaskLines, count: number): string[] {
  return Array.from({ length: count }, () => {
    const task = lines.next("http", 0, NOBODY);
    if (task === undefined) return "";
    lines.put(beginTry(task, null, 0));
    lines.drop(task.id);
    return task.id;
  });
}

describe("lines", () => {
  it("give the key with 10 its turns beside the key with 10,000", ({ expect }) => {
    const lines = linesOf(...tasks(10_000, "many"), ...tasks(10, "few", 10_001));
    expect(turns(lines, 20).filter((id) => id.startsWith("few"))).toHaveLength(10);
    expect(lines.size).toBe(9_990);
  });

  it("let the key with the fewest under way go first, and the oldest task of each", ({ expect }) => {
    const [a0, a1, a2, b0, c0] = [...tasks(3, "a"), ...tasks(1, "b", 4), ...tasks(1, "c", 5)] as [
      Task,
      Task,
      Task,
      Task,
      Task,
    ];
    const lines = linesOf(c0, a2, a1, a0, b0);
    const order: string[] = [];
    for (let task = lines.next("http", 0, NOBODY); task !== undefined; task = lines.next("http", 0, NOBODY)) {
      order.push(task.id);
      lines.put(beginTry(task, null, 0));
    }
    expect(order.slice(0, 3).toSorted()).toEqual(["a0", "b0", "c0"]);
    expect(order.slice(3)).toEqual(["a1", "a2"]);
    expect(lines.running("http").size).toBe(5);
  });

  it("count those that are about to begin as begun", ({ expect }) => {
    const [a0, a1, b0] = [...tasks(2, "a"), ...tasks(1, "b", 3)] as [Task, Task, Task];
    const lines = linesOf(a0, a1, b0);
    const busy = new Map<string, unknown>();
    const order = [0, 1, 2].map(() => {
      const id = lines.next("http", 0, busy)?.id ?? "";
      busy.set(id, true);
      return id;
    });
    expect([order[2], lines.next("http", 0, busy)]).toEqual(["a1", undefined]);
  });

  it("hold back what is not due, and say when it is", ({ expect }) => {
    const [late, soon] = tasks(2, "a") as [Task, Task];
    const lines = linesOf({ ...late, notBefore: 20 }, { ...soon, notBefore: 10 });
    expect([lines.next("http", 9, NOBODY), lines.nextDueAt(9), lines.ready("http", 9)]).toEqual([undefined, 10, 0]);
    expect([lines.next("http", 10, NOBODY)?.id, lines.nextDueAt(10), lines.ready("http", 10)]).toEqual(["a1", 20, 1]);
    expect([lines.next("http", 20, NOBODY)?.id, lines.nextDueAt(20), lines.ready("http", 20)]).toEqual(["a0", null, 2]);
  });

  it("keep modes apart, and forget what is over wherever it stands", ({ expect }) => {
    const [a0, a1, a2] = tasks(3, "a") as [Task, Task, Task];
    const lines = linesOf(...tasks(1, "r", 9, "run"), a0, a1, { ...a2, notBefore: 99 });
    expect(lines.ready("http", 0)).toBe(2);
    lines.put(beginTry(a0, null, 0));
    lines.put({ ...a0, state: "succeeded" });
    lines.put({ ...a1, state: "cancelled" });
    lines.drop(a2.id);
    lines.drop("nobody");
    expect([lines.ready("http", 99), lines.ready("run", 99), lines.size, lines.running("http").size]).toEqual([
      0, 1, 1, 0,
    ]);
  });

  it("show the newest first, from any place on, of those that fit", ({ expect }) => {
    const [a0, a1, b0, b1] = [...tasks(2, "a"), ...tasks(2, "b", 3)] as [Task, Task, Task, Task];
    const lines = linesOf(b1, a0, beginTry(b0, null, 0), a1);
    const ids = (before: number | null, limit: number, isWanted: (task: Task) => boolean = () => true) =>
      lines.newest(isWanted, before, limit).map(({ id }) => id);
    expect([ids(null, 3), ids(2, 3)]).toEqual([["b1", "b0", "a1"], ["a0"]]);
    expect(ids(null, 9, ({ state }) => state === "running")).toEqual(["b0"]);
  });
});
