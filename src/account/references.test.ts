/**
 * Writers and deleters of one secret, cut at every step and interleaved in every order: no application is ever left
 * without a secret that it uses, and nothing that is dead keeps one for ever.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import type { Database } from "../database.ts";
import { migrate } from "../migrations.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";
import {
  CLAIM_MS,
  claimReferences,
  dropUsers,
  listUsers,
  missingReferences,
  settleClaim,
  type User,
} from "./references.ts";
import { createSecret, deleteSecret } from "./secrets.ts";

const SECRET = { kind: "secret", name: "S" } as const;
const APPLICATIONS = ["a", "b"] as const;
type Application = (typeof APPLICATIONS)[number];

/** One write of an application: claimed, then done or refused, then settled; it may stop anywhere. */
interface Write {
  readonly application: Application;
  readonly uses: boolean;
  readonly claim: string;
  readonly claimedAt: number;
  state: "claimed" | "written" | "over";
}

/** One delete: asks who is named, then those applications, then removes. */
interface Delete {
  readonly asked: readonly User[];
  readonly left: User[];
}

class World {
  readonly db: Database = memoryDatabase();
  now = 1_000_000;
  readonly problems: string[] = [];
  /** What each application's own rows say. */
  readonly uses = new Set<Application>();
  readonly #writes: Write[] = [];
  #delete: Delete | null = null;
  #claims = 0;

  constructor() {
    migrate(this.db, ACCOUNT_MIGRATIONS);
    for (const id of APPLICATIONS) {
      this.db.run("INSERT INTO applications (id, name, created_at) VALUES (?, ?, 0)", id, id);
    }
    this.createSecret();
    // Each has used it once, and does no more: its row stays.
    for (const id of APPLICATIONS) for (const uses of [true, false]) this.whole(id, uses);
  }

  get isThere(): boolean {
    return missingReferences(this.db, [SECRET]).length === 0;
  }

  createSecret(): void {
    if (!this.isThere)
      createSecret(this.db, { id: crypto.randomUUID(), name: "S", comment: "", sealed: "x" }, this.now);
  }

  whole(application: Application, uses: boolean): void {
    const write = this.claim(application, uses);
    this.write(write);
    this.settle(write);
  }

  claim(application: Application, uses: boolean): Write | undefined {
    this.#claims += 1;
    const claim = String(this.#claims);
    const references = uses ? [SECRET] : [];
    if (claimReferences(this.db, { id: claim, application, references }, this.now).length > 0) return undefined;
    const write: Write = { application, uses, claim, claimedAt: this.now, state: "claimed" };
    this.#writes.push(write);
    return write;
  }

  /** A write takes milliseconds: one that has not come by the time its claim lapses never does. */
  write(write: Write | undefined): void {
    if (write === undefined) return;
    write.state = "written";
    if (this.now - write.claimedAt >= CLAIM_MS) return;
    if (write.uses) this.uses.add(write.application);
    else this.uses.delete(write.application);
    this.#check(`write of ${write.application}`);
  }

  settle(write: Write | undefined): void {
    if (write === undefined) return;
    settleClaim(this.db, write.claim);
    write.state = "over";
  }

  ask(): void {
    const asked = listUsers(this.db, SECRET, this.now);
    this.#delete = asked.some(({ isPending }) => isPending) ? null : { asked, left: [...asked] };
  }

  /** One application says whether it uses it; the delete ends when it does. */
  answer(): void {
    const user = this.#delete?.left.pop();
    if (user !== undefined && this.uses.has(user.application as Application)) this.#delete = null;
  }

  askAll(): void {
    this.ask();
    for (let round = 0; round < APPLICATIONS.length; round += 1) this.answer();
  }

  remove(): boolean {
    const running = this.#delete;
    this.#delete = null;
    if (running === null || running.left.length > 0) return false;
    if (!dropUsers(this.db, SECRET, running.asked, this.now)) return false;
    deleteSecret(this.db, "S");
    this.#check("delete");
    return true;
  }

  pick(state: Write["state"], index: number): Write | undefined {
    const those = this.#writes.filter((write) => write.state === state);
    return those[index % Math.max(1, those.length)];
  }

  #check(after: string): void {
    if (!this.isThere && this.uses.size > 0)
      this.problems.push(`${after}: ${[...this.uses].join()} without the secret`);
  }
}

type Step = (world: World) => void;
const index = fc.nat(5);
const application = fc.constantFrom(...APPLICATIONS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(application, fc.boolean()).map(
    ([id, uses]): Step =>
      (world) =>
        void world.claim(id, uses),
  ),
  // A write that nothing comes between is the common one.
  {
    weight: 3,
    arbitrary: fc.tuple(application, fc.boolean()).map(
      ([id, uses]): Step =>
        (world) =>
          world.whole(id, uses),
    ),
  },
  {
    weight: 2,
    arbitrary: index.map(
      (n): Step =>
        (world) =>
          world.write(world.pick("claimed", n)),
    ),
  },
  {
    weight: 2,
    arbitrary: index.map(
      (n): Step =>
        (world) =>
          world.settle(world.pick("written", n)),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Step>((world) => world.ask()) },
  { weight: 2, arbitrary: fc.constant<Step>((world) => world.answer()) },
  { weight: 3, arbitrary: fc.constant<Step>((world) => world.askAll()) },
  { weight: 2, arbitrary: fc.constant<Step>((world) => void world.remove()) },
  fc.constant<Step>((world) => world.createSecret()),
  fc.constantFrom(1, CLAIM_MS / 2, CLAIM_MS).map(
    (ms): Step =>
      (world) =>
        void (world.now += ms),
  ),
);

describe("claims", () => {
  it("leave no application without what it uses, and keep nothing for ever", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const act of steps) act(world);
        expect(world.problems).toEqual([]);
        // Everybody was cut off, and time has passed: only real uses count.
        world.now += CLAIM_MS;
        world.createSecret();
        world.askAll();
        expect(world.remove()).toBe(world.uses.size === 0);
      }),
      { numRuns: 1_000 },
    );
  });

  it("of what is not there are refused whole", ({ expect }) => {
    const { db, now } = new World();
    const before = listUsers(db, SECRET, now);
    const missing = { kind: "secret", name: "MISSING" } as const;
    expect(claimReferences(db, { id: "1", application: "a", references: [SECRET, missing] }, now)).toEqual([missing]);
    expect(listUsers(db, SECRET, now)).toEqual(before);
  });
});
