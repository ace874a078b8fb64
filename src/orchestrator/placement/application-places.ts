/** Where an application may place, wired to its account, to the applications that it wants to be near, and to its shards. */
import { accountStub, applicationStub } from "../../stubs.ts";
import type { Beside, Order } from "../shards/protocol.ts";
import { unknownBefore } from "../shards/sharding.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { Places, type PlacesAnswer } from "./places.ts";
import type { Where } from "./placing.ts";

export interface ApplicationPlacesDeps {
  readonly env: Env;
  readonly row: () => ApplicationRow | undefined;
  /** Code of the location that a standalone deployment's configuration names. */
  readonly ownLocation: (row: ApplicationRow) => string | undefined;
  /** Live instances of this object, by location. */
  readonly locations: (row: ApplicationRow) => Readonly<Record<string, number>>;
  /** What the other shards have, where this is the one that knows. */
  readonly beside: () => Beside;
  readonly onKnown: () => void;
  readonly onFailed: (retryAt: number) => void;
}

export class ApplicationPlaces extends Places {
  readonly #deps: ApplicationPlacesDeps;
  /** As shard 0 has said last. */
  #beside: Beside = { placed: {}, failures: {} };

  constructor(deps: ApplicationPlacesDeps) {
    super({
      clock: Date.now,
      ask: (companion) => this.#askAccount(companion),
      count: (id) => this.#count(id),
      onKnown: deps.onKnown,
      onFailed: deps.onFailed,
    });
    this.#deps = deps;
  }

  /** A write of now: it is placed by what is true when it is made. */
  renew(locations: Order["locations"]): void {
    if (locations === undefined) this.expire();
    else this.learn(locations);
  }

  /** The same of a shard, which hears from shard 0 what the others have. */
  follow({ locations, beside }: Order): void {
    this.renew(locations);
    this.#beside = beside;
  }

  /** Null: it has to be asked first. */
  whereFor(row: ApplicationRow): Where | null {
    const { sharding, spec } = row;
    const besides = sharding?.shard === 0 ? this.#deps.beside() : this.#beside;
    if (sharding !== undefined) this.learnFailures(besides.failures);
    const where = this.where(spec, row.blocked ?? null);
    if (where === null) return null;
    if (sharding !== undefined) {
      const { placed: beside } = besides;
      const known = Object.values(beside).reduce((sum, count) => sum + count, 0);
      return { ...where, beside, before: unknownBefore(row, known) };
    }
    // A standalone deployment is where its configuration says, or nowhere.
    const own = this.#deps.ownLocation(row);
    return own === undefined ? where : { ...where, locations: where.locations.filter(({ code }) => code === own) };
  }

  /** For what has to place within its turn, or to say where it would. */
  async know(): Promise<void> {
    const row = this.#deps.row();
    if (row !== undefined && this.whereFor(row) === null) await this.refresh(row.spec);
  }

  async #askAccount(companion: string | null): Promise<PlacesAnswer> {
    const row = this.#deps.row();
    if (row === undefined) throw new Error("there is no application any more");
    return await accountStub(this.#deps.env, row.accountId).places(companion);
  }

  async #count(id: string): Promise<Readonly<Record<string, number>>> {
    const row = this.#deps.row();
    if (id === row?.id && row.sharding === undefined) return this.#deps.locations(row);
    return await applicationStub(this.#deps.env, id).instancesByLocation();
  }
}
