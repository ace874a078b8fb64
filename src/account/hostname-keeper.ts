/**
 * Claims and releases of host names, with what has to wait for applications: before a name is refused, and when a write
 * has ended, the application that a name belongs to is asked whether it still has it.
 */
import { inBatches } from "../batches.ts";
import type { Database } from "../database.ts";
import { describeError } from "../errors.ts";
import { findApplication } from "./applications.ts";
import {
  claimHostnames,
  dropHostnames,
  hostnamesOf,
  otherHolders,
  type HostnameClaim,
  type HostnameHolder,
} from "./hostnames.ts";
import { settleClaim } from "./references.ts";

export interface HostnameKeeperDeps {
  readonly db: Database;
  readonly clock: () => number;
  /** Those that an application has; none when there is no such application. */
  readonly ask: (application: string) => Promise<string[]>;
}

/** Claims may come between asking and dropping this often in a row. */
const MAX_TRIES = 4;

export class HostnameKeeper {
  readonly #deps: HostnameKeeperDeps;
  /** An answer that is older than a claim says nothing about it. */
  #claims = 0;

  constructor(deps: HostnameKeeperDeps) {
    this.#deps = deps;
  }

  /** Who has what is claimed; empty when all of it is the application's now. */
  async claim(claim: HostnameClaim): Promise<HostnameHolder[]> {
    const { db, clock } = this.#deps;
    await this.#clear(claim);
    this.#claims += 1;
    return claimHostnames(db, claim, clock());
  }

  /** As `claim` would be told; nothing is claimed. */
  async examine(claim: Omit<HostnameClaim, "id">): Promise<HostnameHolder[]> {
    await this.#clear(claim);
    return otherHolders(this.#deps.db, claim, this.#deps.clock());
  }

  /** The write is over. `written`: what the application has after it, where that is known. */
  async settle(id: string | null, application: string, written: readonly string[] | null): Promise<void> {
    const { db } = this.#deps;
    if (id !== null) settleClaim(db, id);
    const held = hostnamesOf(db, application);
    if (held.length === 0 || (written !== null && held.every((hostname) => written.includes(hostname)))) return;
    await this.#release(application);
  }

  /** Names whose holder has them no more are free again. */
  async #clear(claim: Omit<HostnameClaim, "id">): Promise<void> {
    const { db, clock } = this.#deps;
    const holders = otherHolders(db, claim, clock()).filter(({ isPending }) => !isPending);
    await inBatches([...new Set(holders.map(({ application }) => application))], async (application) => {
      await this.#release(application);
    });
  }

  async #release(application: string): Promise<void> {
    const { db, clock, ask } = this.#deps;
    try {
      for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
        const seen = this.#claims;
        // An id that the account does not know would make an object.
        const kept = findApplication(db, application) === null ? [] : await ask(application);
        if (this.#claims !== seen) continue;
        db.transaction(() => dropHostnames(db, application, kept, clock()));
        return;
      }
    } catch (error) {
      // What is held for one that does not answer stays held.
      console.warn({ message: "hostnames.release.failed", application, error: describeError(error) });
    }
  }
}
