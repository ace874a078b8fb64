/** An application's shards, wired to its rows and to each other: shard 0's side, and that of every other. */
import type { Database } from "../../database.ts";
import { applicationStub, shardStub } from "../../stubs.ts";
import type { Timers } from "../../timers.ts";
import { appendForwarded } from "../events.ts";
import { listVersions, writeApplication, type ApplicationRow } from "../storage/application-row.ts";
import { Coordinator, type CoordinatorDeps } from "./coordinator.ts";
import { Forwarder, type ForwarderDeps } from "./forwarder.ts";
import type { Summary } from "./summary.ts";

export interface ApplicationShardsDeps
  extends Pick<CoordinatorDeps, "isOutdated" | "locations" | "onHeard" | "onTurn">, Pick<ForwarderDeps, "onDisowned"> {
  readonly env: Env;
  readonly db: Database;
  readonly timers: Timers;
  readonly row: () => ApplicationRow | undefined;
  /** Of this object. */
  readonly summary: (row: ApplicationRow) => Summary;
}

export class ApplicationShards {
  readonly coordinator: Coordinator;
  readonly forwarder: Forwarder;
  /** What is appended to the events now another object has told. */
  isForwarding = false;

  constructor({ env, db, timers, row, summary, onDisowned, ...deps }: ApplicationShardsDeps) {
    const clock = Date.now;
    this.coordinator = new Coordinator({
      ...deps,
      db,
      timers,
      clock,
      row,
      save: (next) => writeApplication(db, next),
      own: summary,
      versions: () => listVersions(db),
      follow: async ({ id }, shard, order) => await shardStub(env, id, shard).follow(order),
      news: async ({ id }, shard, after) => await shardStub(env, id, shard).news(after),
      onEvents: (events) => {
        this.isForwarding = true;
        try {
          appendForwarded(db, events);
        } finally {
          this.isForwarding = false;
        }
      },
    });
    this.forwarder = new Forwarder({
      db,
      timers,
      clock,
      row,
      summary: () => {
        const now = row();
        return now === undefined ? null : summary(now);
      },
      tell: async ({ id }, news) => await applicationStub(env, id).told(news),
      onDisowned,
    });
  }
}
