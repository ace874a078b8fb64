/**
 * Users' writes to what is wanted, from guard to pass: every one of them passes `write`, so that lease, `If-Match`, the
 * account's grant and the rollouts' log are seen to in one place and in one turn.
 */
import type { Grant } from "../account/ledger.ts";
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { etagOf, requireMatch } from "../etag.ts";
import { applyChange, changedRow, chooseVersion, isChange, type Change, type NewConfiguration } from "./change.ts";
import { planActivate, planPatch, planPut, type ApplicationPatch, type ApplicationPut } from "./commands.ts";
import { beginRollout, replacedBy, type Begun } from "./rollouts/begin.ts";
import { replacedEvent, startedEvent, steppedEvents } from "./rollouts/follow.ts";
import { markOf } from "./rollouts/mark.ts";
import { DEFAULT_POLICY, isOver, type Rollout, type RolloutSpec } from "./rollouts/rollout.ts";
import type { RolloutsLog } from "./rollouts/rollouts-log.ts";
import { getVersion, type ApplicationRow } from "./storage/application-row.ts";
import { withinGrant } from "./usage.ts";
import { appendEvents } from "./events.ts";
import { wantedOf } from "./warm.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

export interface SpecificationDeps {
  readonly db: Database;
  readonly rollouts: RolloutsLog;
  /** How many of the pool take traffic, by version. */
  readonly serving: (row: ApplicationRow) => Readonly<Record<number, number>>;
  /** What is wanted has changed: plan and perform. */
  readonly onChanged: (grant: Grant | null) => void;
  /** Rows that may have been read were rolled back. */
  readonly onUndone: () => void;
}

export interface RolloutRequest {
  readonly spec: RolloutSpec;
  /** A stored version's number, or a configuration that is stored when none says the same. */
  readonly target: number | NewConfiguration;
}

/** Of a write that says nothing of how: as the application says it. */
export function plainSpec(spec: Pick<ApplicationRow["spec"], "rollout">, description: string): RolloutSpec {
  return {
    ...DEFAULT_POLICY,
    ...spec.rollout,
    description,
    strategy: "rolling",
    kind: "full_auto",
    steps: [{ percentage: 100, description: "all instances" }],
    gates: [],
    sticky: null,
  };
}

export class Specification {
  readonly #deps: SpecificationDeps;

  constructor(deps: SpecificationDeps) {
    this.#deps = deps;
  }

  patch(
    row: ApplicationRow,
    patch: ApplicationPatch,
    guard: WriteGuard | null,
    grant: Grant | null,
    now: number,
  ): void {
    if (patch.claimedUntil !== undefined && now >= patch.claimedUntil) {
      throw new GantryError("WRITE_CONFLICT", `the write of ${row.name} took too long to get here: try again`);
    }
    this.#write(row, planPatch(this.#deps.db, row, patch), guard, grant, now, null);
  }

  /** Of what is scaled by its load. */
  scale(row: ApplicationRow, instances: number, now: number): void {
    const change: Change = { spec: { ...row.spec, instances }, version: null, activate: false };
    if (isChange(row, change)) this.#apply(row, change, null, now, null);
  }

  activate(row: ApplicationRow, version: number, guard: WriteGuard | null, grant: Grant | null, now: number): void {
    this.#write(row, planActivate(this.#deps.db, row, version), guard, grant, now, null);
  }

  /** A patch whose configuration runs at once: of standalone deployments. */
  replace(row: ApplicationRow, patch: ApplicationPatch, guard: WriteGuard, grant: Grant | null, now: number): void {
    this.#write(row, { ...planPatch(this.#deps.db, row, patch), activate: true }, guard, grant, now, null);
  }

  put(row: ApplicationRow, put: ApplicationPut, guard: WriteGuard, grant: Grant | null, now: number): void {
    // An earlier try of it has begun this rollout, whatever was done since.
    if (this.#deps.rollouts.get(guard.seed) !== null) return;
    const change = planPut(this.#deps.db, row, put);
    const spec = plainSpec(put.spec, "replacement of the whole specification");
    this.#write(row, change, guard, grant, now, { id: guard.seed, spec, isAsked: false });
  }

  /** The row as `put` would leave it, and its configuration; the row itself when it would change nothing. */
  preview(row: ApplicationRow, put: ApplicationPut, guard: WriteGuard, isDryRun: boolean, now: number) {
    const { db } = this.#deps;
    const change = planPut(db, row, put);
    // Looking is free to all; a lease is about writes.
    if (isDryRun) requireMatch(guard.ifMatch, etagOf(row.id, row.generation));
    else requireGuard(db, row, guard, now, !isChange(row, change));
    const next = isChange(row, change) ? changedRow(row, change, now) : row;
    const stored = getVersion(db, next.activeVersion);
    const version = stored ?? { version: next.activeVersion, ...put.version, createdAt: now };
    return { row: next, version };
  }

  /** Activates the target. One that runs already is complete at once; a request that was served before changes nothing. */
  rollout(row: ApplicationRow, request: RolloutRequest, guard: WriteGuard, grant: Grant | null, now: number): Rollout {
    const { db, rollouts } = this.#deps;
    const { target, spec } = request;
    const known = rollouts.get(guard.seed);
    if (known !== null) return known;
    const change: Change =
      typeof target === "number"
        ? planActivate(db, row, target)
        : { spec: row.spec, version: chooseVersion(db, row, target, true), activate: true };
    requireGuard(db, row, guard, now);
    this.#apply(row, change, grant, now, { id: guard.seed, spec, isAsked: true });
    const rollout = rollouts.get(guard.seed);
    if (rollout === null) throw new Error(`rollout ${guard.seed} is not stored`);
    return rollout;
  }

  #write(
    row: ApplicationRow,
    change: Change,
    guard: WriteGuard | null,
    grant: Grant | null,
    now: number,
    rollout: Asked | null,
  ): void {
    const isDone = !isChange(row, change);
    requireGuard(this.#deps.db, row, guard, now, isDone);
    if (!isDone) this.#apply(row, change, grant, now, rollout);
  }

  #apply(row: ApplicationRow, change: Change, grant: Grant | null, now: number, rollout: Asked | null): void {
    const { db, rollouts, onChanged, onUndone } = this.#deps;
    const next = changedRow(row, change, now);
    const begun = this.#begun(row, next, change, rollout, now);
    const mark = begun.rollout === null ? null : markOf(begun.rollout);
    const whole: Change = begun.rollout === null && begun.replaced === null ? change : { ...change, mark };
    const log = () => {
      const told = [];
      if (begun.replaced !== null) {
        rollouts.put(begun.replaced);
        told.push(replacedEvent(begun.replaced, next.activeVersion));
      }
      if (begun.rollout !== null) {
        rollouts.begin(begun.rollout);
        told.push(startedEvent(begun.rollout));
        // What runs already is complete at once, which is news to whoever waits for it.
        if (isOver(begun.rollout)) told.push(...steppedEvents(begun.rollout, [{ type: "completed" }]));
      }
      appendEvents(db, told, now);
    };
    try {
      withinGrant(db, grant, now, () => applyChange(db, row, whole, now, log));
    } catch (error) {
      rollouts.forget();
      onUndone();
      throw error;
    }
    onChanged(grant);
  }

  /** What this write begins, and what it ends. */
  #begun(
    row: ApplicationRow,
    next: ApplicationRow,
    { version }: Change,
    asked: Asked | null,
    now: number,
  ): { rollout: Rollout | null; replaced: Begun["replaced"] } {
    const { db, rollouts } = this.#deps;
    const isActivation = next.activeVersion !== row.activeVersion;
    const current = rollouts.current();
    if (asked === null || row.kind === "deployment") {
      return {
        rollout: null,
        replaced: isActivation && current !== null ? replacedBy(current, next.activeVersion, now) : null,
      };
    }
    if (!isActivation && !asked.isAsked) return { rollout: null, replaced: null };
    const revisionOf = (number: number) => {
      if (version !== null && version.insert !== null && version.number === number) return version.insert.revision;
      return getVersion(db, number)?.revision ?? "";
    };
    return beginRollout(
      {
        id: asked.id,
        spec: asked.spec,
        toVersion: next.activeVersion,
        activeVersion: row.activeVersion,
        wanted: wantedOf(row.spec),
        current,
        stableVersion: row.stableVersion ?? null,
        serving: this.#deps.serving(row),
        revisionOf,
      },
      now,
    );
  }
}

interface Asked {
  readonly id: string;
  readonly spec: RolloutSpec;
  /** Kept also when the version ran already. */
  readonly isAsked: boolean;
}
