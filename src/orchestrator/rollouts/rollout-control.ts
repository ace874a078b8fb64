/**
 * The rollout that is under way: followed with each pass over what its instances have come to, and acted on by people. The
 * decisions are pure (`advance.ts`, `actions.ts`); this looks, and stores.
 */
import type { Database } from "../../database.ts";
import { GantryError } from "../../errors.ts";
import type { DeploymentStore } from "../deployment-store.ts";
import { nameOf } from "../names.ts";
import type { RolloutsLog } from "./rollouts-log.ts";
import type { Summary } from "../shards/summary.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { wantedOf } from "../warm.ts";
import { decideRollout, type RolloutAction } from "./actions.ts";
import { advance, switched, type Observed } from "./advance.ts";
import { actedEvent, keepRollout, steppedEvents } from "./follow.ts";
import { analysisOf, withMeasurement, type Measurement } from "./gates.ts";
import { observeShare, wholeObserved, type ObservedShare } from "./observed.ts";
import { isOver, type Rollout } from "./rollout.ts";

export interface RolloutControlDeps {
  readonly db: Database;
  readonly log: RolloutsLog;
  readonly deployments: DeploymentStore;
  readonly revisionOf: (version: number) => string;
  /** Of the other shards: those that follow the row as it is, null where one does not yet. */
  readonly beside: (row: ApplicationRow) => readonly (Summary | null)[];
  /** The row was written: the other shards have to follow, and routing may be another. */
  readonly onMoved: () => void;
}

export interface Followed {
  readonly row: ApplicationRow;
  /** When it fails if nothing happens. */
  readonly deadlineAt: number | null;
  /** When it is worth another look. */
  readonly lookAt: number | null;
}

/** Who acts, and the request by which a second try is known. */
export interface By {
  readonly actor: string;
  readonly request: string;
}

export type Acted = { readonly isDone: boolean; readonly message: string };

export class RolloutControl {
  readonly #deps: RolloutControlDeps;

  constructor(deps: RolloutControlDeps) {
    this.#deps = deps;
  }

  /** What this object has of it; null: none is under way. */
  share(row: ApplicationRow, now: number): ObservedShare | null {
    const { deployments, revisionOf } = this.#deps;
    if (row.rollout === undefined) return null;
    return observeShare(deployments.all(), row.rollout, revisionOf, (one) => nameOf(row.name, one), now);
  }

  /** Of all objects; null: none is under way, or one of them has not said how it is. */
  observed(row: ApplicationRow, now: number): Observed | null {
    const { rollout } = row;
    if (rollout === undefined) return null;
    const beside = this.#deps.beside(row).map((summary) => summary?.rollout);
    return wholeObserved([this.share(row, now), ...beside], rollout.id, wantedOf(row.spec), now);
  }

  /** Brings it on as far as what is seen allows. */
  follow(row: ApplicationRow, now: number): Followed {
    const { db, log, onMoved } = this.#deps;
    const isOwn = (row.sharding?.shard ?? 0) === 0;
    const rollout = isOwn && !row.deleting && row.rollout !== undefined ? log.current() : null;
    if (rollout === null) return { row, deadlineAt: null, lookAt: null };
    const observed = this.observed(row, now);
    if (observed === null) return { row, deadlineAt: null, lookAt: null };
    const analysed = analysisOf(rollout.spec.gates, rollout.measurements, now);
    const { rollout: next, happened, deadlineAt, ripeAt } = advance(rollout, observed, analysed, now);
    const answer = { deadlineAt, lookAt: ripeAt };
    if (next === rollout) return { row, ...answer };
    if (happened.length === 0 && next.phase === rollout.phase && next.step === rollout.step) {
      log.note(next);
      return { row, ...answer };
    }
    const after = keepRollout(db, log, row, next, steppedEvents(next, happened), now);
    onMoved();
    return { row: after, ...answer };
  }

  act(row: ApplicationRow, id: string, action: RolloutAction, by: By, now: number): Acted {
    const { db, log, onMoved } = this.#deps;
    const rollout = log.get(id);
    if (rollout === null) throw rolloutNotFound(id);
    // An earlier try of this very request has done it, whatever has become of the rollout since.
    if (rollout.lastRequest === by.request) return { isDone: true, message: "" };
    const wanted = wantedOf(row.spec);
    const seen = this.observed(row, now);
    // Where it is to stop depends on where it is.
    if (seen === null && action === "pause" && !isOver(rollout)) {
      const message = "not all of its instances' objects have said how they are: try again in a moment";
      return { isDone: false, message };
    }
    const { fresh, held, healthy } = seen ?? { fresh: 0, held: 0, healthy: 0 };
    const decision = decideRollout(rollout, action, { fresh, wanted, held, healthy }, now);
    if (decision.type === "refused") return { isDone: false, message: decision.message };
    // What is paused is so already: nothing to keep, or to tell of again.
    if (decision.rollout === rollout) return { isDone: true, message: "" };
    const told = [actedEvent(rollout, action, by.actor), ...steppedEvents(decision.rollout, decision.happened)];
    keepRollout(db, log, row, { ...decision.rollout, lastRequest: by.request }, told, now);
    onMoved();
    return { isDone: true, message: "" };
  }

  /** Requests go to the other side. Said twice, or of another rollout, it changes nothing. */
  switched(row: ApplicationRow, id: string, now: number): void {
    const { db, log, onMoved } = this.#deps;
    const rollout = log.current();
    if (rollout === null || rollout.id !== id || rollout.switchTo === null) return;
    const version = rollout.switchTo === "to" ? rollout.toVersion : rollout.fromVersion;
    const message = `requests go to version ${version} only`;
    const told = [{ type: "Info", name: "RolloutSwitched", message, details: { rollout: id, version } }] as const;
    keepRollout(db, log, row, switched(rollout, now), told, now);
    onMoved();
  }

  /** Of a step that is over, or of another rollout, it is dropped. */
  measured(row: ApplicationRow, of: Pick<Rollout, "id" | "step" | "stepStartedAt">, measurement: Measurement): void {
    const { db, log } = this.#deps;
    const rollout = log.current();
    if (rollout === null || rollout.id !== of.id || rollout.phase !== "gating") return;
    if (rollout.step !== of.step || rollout.stepStartedAt !== of.stepStartedAt) return;
    const { gate, verdict, message, at } = measurement;
    const said = `gate ${gate}: ${verdict}: ${message}`;
    const type = verdict === "passed" ? "Info" : "Warn";
    const told = [
      { type, name: "RolloutMeasured", message: said, details: { rollout: of.id, gate, verdict } },
    ] as const;
    const measurements = withMeasurement(rollout.spec.gates, rollout.measurements, measurement);
    if (measurements === rollout.measurements) return;
    keepRollout(db, log, row, { ...rollout, measurements, updatedAt: at }, told, at);
  }

  /** False: there is none. */
  remove(id: string): boolean {
    const rollout = this.#deps.log.get(id);
    if (rollout === null) return false;
    if (!isOver(rollout)) {
      const message = `rollout ${id} is ${rollout.phase}: abort it, or begin another one, before it is deleted`;
      throw new GantryError("ROLLOUT_IN_USE", message, { rollout: id });
    }
    this.#deps.log.remove(id);
    return true;
  }
}

export function rolloutNotFound(id: string): GantryError {
  return new GantryError("ROLLOUT_NOT_FOUND", `there is no rollout ${id.slice(0, 100)}`, { rollout: id.slice(0, 100) });
}
