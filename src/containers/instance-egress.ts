/**
 * What the container of an Instance may reach: its application's policy as of the last write that was heard of, and what
 * was changed for this instance alone, which outlives its containers until it is reset. Each request that leaves the
 * container asks here, so that a change holds from its next request on.
 */
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { canonical } from "../orchestrator/launch-spec.ts";
import { policyDigest } from "../egress/policy/digest.ts";
import { changeOverrides, effectivePolicy, isChanged, type OverrideChange } from "../egress/policy/overrides.ts";
import {
  NO_OVERRIDES,
  NO_POLICY,
  type EgressNow,
  type EgressOverrides,
  type EgressPolicy,
} from "../egress/policy/policy.ts";

export const EGRESS_SCHEMA = `CREATE TABLE egress (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)`;

interface Stored extends EgressNow {
  readonly overrides: EgressOverrides;
}

export interface Effective {
  readonly policy: EgressPolicy;
  readonly digest: string;
}

const NOTHING: Stored = { seq: 0, policy: null, overrides: NO_OVERRIDES };

export class InstanceEgress {
  readonly #db: Database;
  readonly #launchedWith: () => number;
  #stored: Stored | undefined;
  #isClosed = false;
  #effective: Effective | null = null;

  /** `launchedWith`: the write of which the last launch told, which the record of that launch keeps. */
  constructor(db: Database, launchedWith: () => number = () => 0) {
    this.#db = db;
    this.#launchedWith = launchedWith;
  }

  /** Takes over what is newer than what is known. Of a launch that says nothing new it costs no row. */
  adopt({ seq, policy }: EgressNow, isLaunch = false): void {
    const known = this.#read();
    if (seq < Math.max(known.seq, this.#launchedWith())) return;
    const isNews = canonical(policy) !== canonical(known.policy);
    if (isNews || (seq > known.seq && !isLaunch)) this.#write({ ...known, seq, policy });
  }

  /** Of what its application says, without what was changed here. Undefined: it says nothing. */
  get digest(): string | undefined {
    const { policy } = this.#read();
    return policy === null ? undefined : policyDigest(policy);
  }

  get policy(): EgressPolicy {
    return this.#read().policy ?? NO_POLICY;
  }

  get overrides(): EgressOverrides {
    return this.#read().overrides;
  }

  /** Null: neither its application has said anything, nor anybody of this instance. */
  get said(): EgressPolicy | null {
    const { policy, overrides } = this.#read();
    return policy !== null || isChanged(overrides) ? this.effective.policy : null;
  }

  get effective(): Effective {
    if (this.#effective === null) {
      const policy = effectivePolicy(this.policy, this.overrides);
      this.#effective = { policy, digest: policyDigest(policy) };
    }
    return this.#effective;
  }

  /** False: it was so before. */
  change(change: OverrideChange): boolean {
    const known = this.#read();
    if (this.policy.open) {
      const message =
        "this application's containers go past egress: take egress.open out of its policy and restart them";
      throw new GantryError("EGRESS_OPEN", message, {});
    }
    const next = changeOverrides(known.overrides, this.policy, change);
    if ("problem" in next) {
      const { field, problem } = next;
      throw new GantryError("VALIDATE_INPUT", `${field}: ${problem}`, { [field]: problem });
    }
    return this.#override(known, next);
  }

  reset(): boolean {
    return this.#override(this.#read(), NO_OVERRIDES);
  }

  #override(known: Stored, overrides: EgressOverrides): boolean {
    if (canonical(overrides) === canonical(known.overrides)) return false;
    this.#write({ ...known, overrides });
    return true;
  }

  /** The object's storage is about to be erased: nothing is read or written any more. */
  close(): void {
    this.#isClosed = true;
    this.#stored = NOTHING;
    this.#effective = null;
  }

  #read(): Stored {
    if (this.#stored === undefined) {
      const row = this.#db.one<{ state: string }>("SELECT state FROM egress");
      // Written below only.
      this.#stored = row === undefined ? NOTHING : (JSON.parse(row.state) as Stored);
    }
    return this.#stored;
  }

  #write(stored: Stored): void {
    if (this.#isClosed) return;
    this.#db.run(
      "INSERT INTO egress (id, state) VALUES (1, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
      JSON.stringify(stored),
    );
    this.#stored = stored;
    this.#effective = null;
  }
}
