/** As much of the account as schedules and tasks talk to: its index of watched crons, and which applications there are. */
import {
  CRON_WATCH_SCHEMA,
  cronSeen,
  overdueCron,
  unwatchCron,
  watchCron,
  type Seen,
} from "../../../src/account/cron-watch.ts";
import type { Database } from "../../../src/database.ts";
import type { TaskDraft } from "../../../src/jobs/tasks/task.ts";
import type { Network } from "../engine/network.ts";
import { SimulatedStorage, type Lifetime } from "../engine/storage.ts";
import type { Random } from "../random.ts";
import type { BatchApplication } from "./application.ts";
import type { BatchFaults } from "./faults.ts";

export const ACCOUNT = "acc";
export const APPLICATION = "app";

export interface AccountDeps {
  readonly clock: () => number;
  readonly network: Network;
  readonly random: Random;
  readonly faults: BatchFaults;
  readonly application: () => BatchApplication;
  readonly mayCrash: (lifetime: Lifetime, crash: () => void) => void;
  readonly bury: (letter: unknown) => void;
  /** For tests of the invariants. */
  readonly draft: (draft: TaskDraft) => TaskDraft;
}

export class BatchAccount {
  readonly #deps: AccountDeps;
  readonly #storage = new SimulatedStorage(
    (lifetime) => this.#deps.mayCrash(lifetime, () => this.#crash(lifetime)),
    () => undefined,
  );
  #life: { readonly lifetime: Lifetime; readonly db: Database } | null = null;

  constructor(deps: AccountDeps) {
    this.#deps = deps;
    this.#db.run(CRON_WATCH_SCHEMA);
  }

  /** The bindings of whoever is alive as long as `from`. */
  env(from: Lifetime): Env {
    const { network, clock, application, random, faults, bury } = this.#deps;
    const send = <T>(what: string, call: () => T | Promise<T>) => network.send(from, what, async () => await call());
    const account = {
      findApplication: (name: string) =>
        send("findApplication", () => {
          const isThere = name === APPLICATION && !application().erased;
          return isThere ? { id: APPLICATION, kind: "application" } : null;
        }),
      watchCron: (id: string, nextAt: number) => send("watchCron", () => watchCron(this.#db, id, nextAt, clock())),
      unwatchCron: (id: string) => send("unwatchCron", () => unwatchCron(this.#db, id)),
      overdueCron: () => send("overdueCron", () => overdueCron(this.#db, clock())),
      cronSeen: (seen: readonly Seen[]) => send("cronSeen", () => cronSeen(this.#db, seen, clock())),
    };
    const target = {
      acceptTasks: (drafts: readonly TaskDraft[]) =>
        send("acceptTasks", () => application().call(({ tasks }) => tasks.accept(drafts.map(this.#deps.draft)))),
      pokeCron: () => send("pokeCron", () => (application().erased ? null : application().pokeCron())),
    };
    const letters = {
      send: async (letter: unknown) => {
        if (random.chance(faults.lettersFail)) throw new Error("the queue does not answer");
        bury(letter);
      },
    };
    const bindings = {
      GANTRY_ACCOUNT_ID: ACCOUNT,
      ACCOUNT: { getByName: () => account },
      APPLICATION: { getByName: () => target },
      DEAD_TASKS: letters,
    };
    // The code that is run here asks for nothing else.
    return bindings as unknown as Env;
  }

  close(): void {
    this.#storage.close();
  }

  get #db(): Database {
    if (this.#life === null) {
      const lifetime: Lifetime = { alive: true };
      this.#life = { lifetime, db: this.#storage.viewOf(lifetime) };
    }
    return this.#life.db;
  }

  #crash(lifetime: Lifetime): void {
    lifetime.alive = false;
    if (this.#life?.lifetime === lifetime) this.#life = null;
  }
}
