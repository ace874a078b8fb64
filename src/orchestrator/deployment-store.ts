/** The deployments in memory, written through to their table: a pass reads them all, and reads are on the bill too. */
import type { Database } from "../database.ts";
import { isOver } from "../jobs/recall.ts";
import type { Deployment } from "./plan/deployment.ts";
import { dropChoice, keepChoice, type KeptChoice } from "./start/kept.ts";
import { deleteDeployment, insertDeployment, listDeployments, updateDeployment } from "./storage/deployments.ts";

export class DeploymentStore {
  readonly #db: Database;
  readonly #rows: Map<string, Deployment>;
  /** Ids by the names that callers use. */
  readonly #named = new Map<string, string>();
  /** One that had a size of its own is gone, and whoever counts sizes has not been told. */
  hasFreedSize = false;

  constructor(db: Database) {
    this.#db = db;
    this.#rows = new Map(listDeployments(db).map((deployment) => [deployment.id, recalled(db, deployment)]));
    for (const { id, name } of this.#rows.values()) if (name !== undefined) this.#named.set(name, id);
  }

  get size(): number {
    return this.#rows.size;
  }

  all(): Deployment[] {
    return [...this.#rows.values()];
  }

  get(id: string): Deployment | undefined {
    return this.#rows.get(id);
  }

  named(name: string): Deployment | undefined {
    const id = this.#named.get(name);
    return id === undefined ? undefined : this.#rows.get(id);
  }

  /** That its attempt is over is in the record of that attempt, and in the slot's row with the next one. */
  put(deployment: Deployment): void {
    const before = this.#rows.get(deployment.id);
    if (before !== undefined && endsAttempt(before, deployment)) {
      this.note(deployment);
      return;
    }
    if (before !== undefined) updateDeployment(this.#db, deployment);
    else insertDeployment(this.#db, deployment);
    if (deployment.name !== undefined) this.#named.set(deployment.name, deployment.id);
    this.#rows.set(deployment.id, deployment);
  }

  /** Known until the object leaves memory, or the next write, which takes it along: it costs no row. */
  note(deployment: Deployment): void {
    if (this.#rows.has(deployment.id)) this.#rows.set(deployment.id, deployment);
  }

  /** With what its `start` was given: in one transaction, so that neither is there without the other. */
  putChosen(deployment: Deployment, choice: KeptChoice): void {
    this.put(deployment);
    keepChoice(this.#db, deployment.id, choice);
  }

  remove(id: string): void {
    deleteDeployment(this.#db, id);
    const { name, override } = this.#rows.get(id) ?? {};
    if (override !== undefined) dropChoice(this.#db, id);
    if (override?.size !== undefined) this.hasFreedSize = true;
    if (name !== undefined) this.#named.delete(name);
    this.#rows.delete(id);
  }
}

function endsAttempt({ attempt: before }: Deployment, { phase, attempt }: Deployment): boolean {
  if (before === undefined || attempt === undefined || before.isOver || !attempt.isOver) return false;
  return phase === "pending" && before.job === attempt.job && before.number === attempt.number;
}

/** As it was before the object left memory. */
function recalled(db: Database, deployment: Deployment): Deployment {
  const { attempt } = deployment;
  if (attempt === undefined || attempt.isOver || !isOver(db, attempt)) return deployment;
  const free = { phase: "pending", ready: false, readyAt: null, stopReason: null, failures: 0, losses: 0 } as const;
  return { ...deployment, ...free, attempt: { ...attempt, isOver: true } };
}
