/** The deployments in memory, written through to their table: a pass reads them all, and reads are on the bill too. */
import type { Database } from "../database.ts";
import type { Deployment } from "./plan/deployment.ts";
import { deleteDeployment, insertDeployment, listDeployments, updateDeployment } from "./storage/deployments.ts";

export class DeploymentStore {
  readonly #db: Database;
  readonly #rows: Map<string, Deployment>;

  constructor(db: Database) {
    this.#db = db;
    this.#rows = new Map(listDeployments(db).map((deployment) => [deployment.id, deployment]));
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

  put(deployment: Deployment): void {
    if (this.#rows.has(deployment.id)) updateDeployment(this.#db, deployment);
    else insertDeployment(this.#db, deployment);
    this.#rows.set(deployment.id, deployment);
  }

  /** Known until the object leaves memory, or the next write, which takes it along: it costs no row. */
  note(deployment: Deployment): void {
    if (this.#rows.has(deployment.id)) this.#rows.set(deployment.id, deployment);
  }

  remove(id: string): void {
    deleteDeployment(this.#db, id);
    this.#rows.delete(id);
  }
}
