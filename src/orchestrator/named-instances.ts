/**
 * Those who call an instance by name and wait until it answers: bounded in number and in time, and in memory only. What
 * they wait for is an input of the planner, so that a call itself costs no row; who is forgotten in an eviction calls again.
 */
import { GantryError } from "../errors.ts";
import type { DeploymentStore } from "./deployment-store.ts";
import type { Shortage } from "../account/capacity/statement.ts";
import { explainShortage, shortDetails } from "./capacity/explain.ts";
import { isAvailable, isLeaving, isLive, type Deployment } from "./plan/deployment.ts";
import { awakeCount } from "./plan/named.ts";
import type { ReadyWaiters } from "./ready-waiters.ts";
import { WaitingChoices, type WaitingChoice } from "./start/waiting.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface NamedInstancesDeps {
  readonly deployments: DeploymentStore;
  readonly waiters: ReadyWaiters;
  readonly clock: () => number;
  /** Throws when there is no application any more. */
  readonly row: () => ApplicationRow;
  readonly pass: () => void;
  /**
   * Why what is to start under that name, in a size of its own, does not begin; null when that is not known, or it may.
   * Absent: nothing limits what runs.
   */
  readonly shortage?: (name: string) => Shortage | null;
}

export interface Start {
  /** What it is to start with. It does not run with anything else, and nobody waits with another choice. */
  readonly choice?: WaitingChoice | undefined;
  /** Until when it is waited for: it takes requests (default), or its start is intended. */
  readonly until?: "ready" | "begun";
  /** False: when all that may be awake are, that is said at once. */
  readonly waitsForTurn?: boolean;
}

export class NamedInstances {
  readonly #deps: NamedInstancesDeps;
  /** How many wait for each name, in the order in which the first of them came. */
  readonly #callers = new Map<string, number>();
  readonly choices = new WaitingChoices();

  constructor(deps: NamedInstancesDeps) {
    this.#deps = deps;
  }

  called(): readonly string[] {
    return [...this.#callers.keys()];
  }

  /**
   * The deployment of that name when it takes requests: made when there is none, started when it sleeps. Throws why it
   * does not, after `waitMs` or as soon as it is known that waiting will not help.
   */
  async call(
    name: string,
    waitMs: number,
    { choice, until = "ready", waitsForTurn = true }: Start = {},
  ): Promise<Deployment> {
    const { waiters, clock, pass, row, shortage = () => null } = this.#deps;
    const deadline = clock() + waitMs;
    this.#callers.set(name, (this.#callers.get(name) ?? 0) + 1);
    if (choice !== undefined) this.choices.join(name, choice);
    const isDone = (known: Deployment): boolean =>
      (choice === undefined || known.override?.id === choice.override.id) &&
      (isAvailable(known) || (until === "begun" && isLive(known)));
    try {
      for (;;) {
        const application = row();
        const known = this.#find(name);
        if (known !== undefined && isDone(known)) return known;
        if (known !== undefined) refuseHopeless(application, known, name, clock(), deadline);
        pass();
        const now = this.#find(name);
        if (now !== undefined && isDone(now)) return now;
        const short = now === undefined || now.phase === "pending" ? shortage(name) : null;
        if (short !== null) throw tooLarge(application, name, short);
        const leftMs = deadline - clock();
        const isHopeless = !waitsForTurn && this.#isFull(application, now);
        if (leftMs <= 0 || isHopeless) throw this.#timedOut(application, name, waitMs);
        if (waiters.isFull) {
          const message = `application ${application.name}: too many requests wait for an instance; try again later`;
          throw new GantryError("QUEUE_FULL", message, { application: application.name, retry_after: 1 });
        }
        await waiters.wait(leftMs);
      }
    } finally {
      const left = (this.#callers.get(name) ?? 1) - 1;
      if (left > 0) this.#callers.set(name, left);
      else this.#callers.delete(name);
      if (choice !== undefined) this.choices.leave(name);
      // Room for a size of its own is not wanted any more: others wait behind it.
      const last = this.#find(name);
      const isOwn = (choice ?? last)?.override?.size !== undefined;
      if (left <= 0 && isOwn && last?.phase !== "running") pass();
    }
  }

  #find(name: string): Deployment | undefined {
    return this.#deps.deployments.named(name);
  }

  /** As many are awake as may be, and it is none of them. */
  #isFull({ spec }: ApplicationRow, known: Deployment | undefined): boolean {
    const isOut = known === undefined || known.isAsleep === true;
    return isOut && awakeCount(this.#deps.deployments.all()) >= (spec.namedInstances ?? 0);
  }

  #timedOut(row: ApplicationRow, name: string, waitMs: number): GantryError {
    const most = row.spec.namedInstances ?? 0;
    const known = this.#find(name);
    const details = { application: row.name, instance_name: name, retry_after: 1 };
    if (this.#isFull(row, known)) {
      const message = `application ${row.name} has all of its ${most} named instances awake: raise named_instances, or wait until one sleeps`;
      return new GantryError("INSTANCE_LIMIT_REACHED", message, { ...details, named_instances: most });
    }
    const message = `instance ${name} of ${row.name} is not ready after ${waitMs / 1_000} s: ${whyNot(known, row)}`;
    return new GantryError("INSTANCE_NOT_READY", message, details);
  }
}

/** Throws when nothing but a person, or more time than the caller has, will make it ready. */
function refuseHopeless(row: ApplicationRow, known: Deployment, name: string, now: number, deadline: number): void {
  const details = { application: row.name, instance_name: name };
  const { held, phase, last, nextStartAt, cordoned } = known;
  if (held) {
    const message = `instance ${name} of ${row.name} was stopped by a user and stays so: start it`;
    throw new GantryError("INSTANCE_HELD", message, details);
  }
  if (cordoned && phase === "running") {
    throw new GantryError("INSTANCE_CORDONED", `instance ${name} of ${row.name} is cordoned: uncordon it`, details);
  }
  if (phase !== "pending" || isLeaving(known) || last === null || nextStartAt <= now) return;
  const waitS = Math.ceil((nextStartAt - now) / 1_000);
  const why = `${last.reason}${last.message === undefined ? "" : `, ${last.message}`}`;
  if (last.kind === "refused" && known.override?.fields.includes("snapshot") === true) {
    const message = `instance ${name} of ${row.name} cannot be started from its snapshot: ${why}`;
    throw new GantryError("SNAPSHOT_NOT_AVAILABLE", message, { ...details, reason: last.reason });
  }
  if (last.kind === "refused") {
    const message = `instance ${name} of ${row.name} cannot be started: ${why}`;
    throw new GantryError("INSTANCE_CANNOT_START", message, { ...details, reason: last.reason });
  }
  if (nextStartAt < deadline) return;
  const message = `instance ${name} of ${row.name} ended (${why}) and is started again in ${waitS} s`;
  throw new GantryError("INSTANCE_NOT_READY", message, { ...details, reason: last.reason, retry_after: waitS });
}

/** It is larger than what is left, which is said at once: others wait behind it. */
function tooLarge({ name: application }: ApplicationRow, name: string, shortage: Shortage): GantryError {
  const details = { application, instance_name: name, reason: shortage.reason, ...shortDetails(shortage) };
  const message = `instance ${name} of ${application} is not started: there is no room for its size${explainShortage(shortage)}`;
  return new GantryError(shortage.isImpossible ? "INSTANCE_CANNOT_START" : "INSTANCE_NOT_READY", message, details);
}

function whyNot(known: Deployment | undefined, { blocked }: ApplicationRow): string {
  if (blocked != null) return `it is not placed (${blocked.reason})`;
  if (known === undefined) return "it is not placed";
  return known.detail ?? `it is ${known.phase}`;
}
