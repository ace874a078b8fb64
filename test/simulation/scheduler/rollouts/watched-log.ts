/** The rollouts of an application, with an eye on every write of one. */
import type { Database } from "../../../../src/database.ts";
import type { Rollout } from "../../../../src/orchestrator/rollouts/rollout.ts";
import { RolloutsLog } from "../../../../src/orchestrator/rollouts/rollouts-log.ts";

export class WatchedLog extends RolloutsLog {
  readonly #onPut: (rollout: Rollout) => void;

  constructor(db: Database, onPut: (rollout: Rollout) => void) {
    super(db);
    this.#onPut = onPut;
  }

  override put(rollout: Rollout): void {
    super.put(rollout);
    this.#onPut(rollout);
  }
}
