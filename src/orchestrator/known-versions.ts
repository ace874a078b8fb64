/** An application's versions with what they launch. They never change, so each is read once. */
import type { Database } from "../database.ts";
import { toLaunchSpec, type LaunchSpec } from "./launch-spec.ts";
import { getVersion, type Version } from "./storage/application-row.ts";

export interface KnownVersion {
  readonly version: Version;
  readonly spec: LaunchSpec;
}

export class KnownVersions {
  readonly #db: Database;
  readonly #known = new Map<number, KnownVersion>();

  constructor(db: Database) {
    this.#db = db;
  }

  get(number: number): KnownVersion {
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    const version = getVersion(this.#db, number);
    if (version === undefined) throw new Error(`version ${number} is not stored`);
    const entry = { version, spec: toLaunchSpec(version.configuration) };
    this.#known.set(number, entry);
    return entry;
  }

  /** Rows that may have been read were rolled back. */
  forget(): void {
    this.#known.clear();
  }
}
