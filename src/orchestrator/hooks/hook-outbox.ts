/**
 * Hooks on their way to the Worker that is to hear them. What is to be said is written with the event that it comes from,
 * and forgotten when the Worker has heard it: at least once, also over crashes, in order for each instance, and another
 * instance's waits for nobody. An application without hooks has no rows here.
 */
import type { Database, Row } from "../../database.ts";
import { describeError } from "../../errors.ts";
import type { Timers } from "../../timers.ts";
import { appendEvents } from "../events.ts";
import type { HookEvent } from "./hook-events.ts";

export const HOOKS_SCHEMA = `CREATE TABLE hooks (
  id INTEGER PRIMARY KEY,
  deployment TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT
);`;

/** Key of the timer that finds what an earlier lifetime of the object has not said, and what failed. */
export const HOOKS_TIMER = "hooks";
/** Instances whose hooks are said at one time. */
const MAX_AT_ONCE = 6;
/** Of all instances. Beyond it the oldest are given up: whoever hears nothing for so long does not listen. */
export const MOST_HOOKS = 1_000;
const GIVEN_UP_AFTER_MS = 86_400_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 600_000;
/** A crash is found out about within this. */
const GUARD_MS = 40_000;

interface HookRow extends Row {
  id: number;
  deployment: string;
  body: string;
  created_at: number;
  due_at: number;
  attempts: number;
  error: string | null;
}

export interface HookOutboxDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly clock: () => number;
  /** The Worker's binding; null: nobody hears. Undefined: there is no such application any more. */
  readonly binding: () => string | null | undefined;
  readonly deliver: (binding: string, event: HookEvent) => Promise<void>;
  readonly background: (work: Promise<void>) => void;
  /** Nothing is left to say. */
  readonly onDrained: () => void;
}

export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 20));
}

export class HookOutbox {
  readonly #deps: HookOutboxDeps;
  readonly #active = new Set<string>();
  #isArmed = false;

  constructor(deps: HookOutboxDeps) {
    this.#deps = deps;
  }

  get isEmpty(): boolean {
    return this.#deps.db.one("SELECT id FROM hooks LIMIT 1") === undefined;
  }

  /** To be said; in the turn, and the transaction, of what it tells of. */
  intend(deployment: string, events: readonly HookEvent[]): void {
    const { db, clock } = this.#deps;
    const now = clock();
    for (const event of events) {
      db.run(
        "INSERT INTO hooks (deployment, body, created_at, due_at, attempts) VALUES (?, ?, ?, ?, 0)",
        deployment,
        JSON.stringify(event),
        now,
        now,
      );
    }
    if (events.length === 0) return;
    this.#bound();
    this.#soon();
  }

  onTimer(): void {
    this.#pump();
  }

  /** After the turn, when its writes are kept or rolled back as a whole. */
  #soon(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    queueMicrotask(() => {
      this.#isArmed = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { db, clock, binding: bindingOf, background, onDrained } = this.#deps;
    const binding = bindingOf();
    if (binding === undefined) return;
    if (binding === null) db.run("DELETE FROM hooks");
    const heads = db.all<HookRow>(
      "SELECT * FROM hooks WHERE id IN (SELECT MIN(id) FROM hooks GROUP BY deployment) ORDER BY due_at, id",
    );
    const now = clock();
    for (const head of heads) {
      if (binding === null || this.#active.has(head.deployment) || head.due_at > now) continue;
      if (this.#active.size >= MAX_AT_ONCE) break;
      this.#active.add(head.deployment);
      background(this.#say(binding, head));
    }
    this.#wakeFor(heads, now);
    if (heads.length === 0) onDrained();
  }

  async #say(binding: string, head: HookRow): Promise<void> {
    const { db, deliver, binding: bindingOf } = this.#deps;
    try {
      // Written by `intend` only.
      await deliver(binding, JSON.parse(head.body) as HookEvent);
      if (bindingOf() !== undefined) db.run("DELETE FROM hooks WHERE id = ?", head.id);
    } catch (error) {
      if (bindingOf() !== undefined) this.#failed(binding, head, describeError(error));
    }
    this.#active.delete(head.deployment);
    this.#pump();
  }

  #failed(binding: string, head: HookRow, error: string): void {
    const { db, clock } = this.#deps;
    const attempts = head.attempts + 1;
    console.warn({ message: "hook.failed", binding, deployment: head.deployment, attempts, error });
    if (clock() - head.created_at >= GIVEN_UP_AFTER_MS) {
      this.#giveUp({ ...head, attempts, error }, `nobody took it for ${GIVEN_UP_AFTER_MS / 3_600_000} hours`);
      return;
    }
    const dueAt = clock() + retryDelayMs(attempts);
    db.run("UPDATE hooks SET attempts = ?, due_at = ?, error = ? WHERE id = ?", attempts, dueAt, error, head.id);
  }

  #bound(): void {
    const { db } = this.#deps;
    const { count } = db.one<{ count: number }>("SELECT COUNT(*) AS count FROM hooks") ?? { count: 0 };
    if (count <= MOST_HOOKS) return;
    const tooMany = db.all<HookRow>("SELECT * FROM hooks ORDER BY id LIMIT ?", count - MOST_HOOKS);
    for (const row of tooMany) this.#giveUp(row, `${MOST_HOOKS} others wait behind it`);
  }

  #giveUp({ id, deployment, body, attempts, error }: HookRow, why: string): void {
    const { db, clock, binding } = this.#deps;
    const { type, generation } = JSON.parse(body) as HookEvent;
    const last = error === null ? "" : `; the last error was: ${error}`;
    db.transaction(() => {
      db.run("DELETE FROM hooks WHERE id = ?", id);
      const message = `hook ${type} of generation ${generation} is given up: ${why}${last}`;
      const details = { hook: type, binding: binding() ?? null, attempts, error };
      appendEvents(db, [{ type: "Warn", name: "HookGivenUp", message, deployment, generation, details }], clock());
    });
  }

  /** One timer for all: what failed comes again, and what is being said now is looked after. */
  #wakeFor(heads: readonly HookRow[], now: number): void {
    const { timers } = this.#deps;
    if (heads.length === 0) {
      timers.clear(HOOKS_TIMER);
      return;
    }
    const waiting = heads.filter(({ deployment }) => !this.#active.has(deployment));
    const dueAt = Math.min(now + GUARD_MS, ...waiting.map(({ due_at: due }) => Math.max(due, now + 1)));
    const current = timers.dueAt(HOOKS_TIMER);
    if (current === null || current > dueAt || current <= now) timers.set(HOOKS_TIMER, dueAt);
  }
}
