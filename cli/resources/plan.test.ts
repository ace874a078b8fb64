import * as fc from "fast-check";
import { describe, it } from "vitest";
import { SAME, type Comparison, type Live } from "./driver.ts";
import { deletionRank, OWNED_KINDS, type Kind } from "./kinds.ts";
import { isEmpty, planOf, type Assessed, type PlanOptions } from "./plan.ts";
import { keyOf } from "./resource.ts";

const OPTIONS: PlanOptions = { owner: "me", adopt: false, prune: false, allowReplace: false };
const CHANGED: Comparison = { ...SAME, changes: [{ field: "a", from: 1, to: 2 }] };

function assessed(kind: Kind, name: string, of: Partial<Assessed> & { isThere?: boolean } = {}): Assessed {
  const { isThere = true, ...rest } = of;
  const live: Live | null = isThere ? { kind, name, id: name, etag: null, shown: {} } : null;
  const resource = { kind, name, spec: {}, origin: { file: "a", document: null } };
  return { resource, live, owner: "me", comparison: SAME, dependsOn: [], isLookUp: false, ...rest };
}

const kinds = fc.constantFrom(...OWNED_KINDS);
const things = fc.uniqueArray(fc.record({ kind: kinds, name: fc.constantFrom("a", "b", "c") }), { selector: keyOf });
const flags = fc.record({ adopt: fc.boolean(), prune: fc.boolean(), allowReplace: fc.boolean() });
const worlds = fc.uniqueArray(
  fc.record({
    kind: kinds,
    name: fc.constantFrom("a", "b", "c"),
    isThere: fc.boolean(),
    owner: fc.constantFrom(null, "me", "other"),
    comparison: fc.constantFrom(SAME, CHANGED, { ...CHANGED, replace: "a never changes" }),
  }),
  { selector: keyOf },
);

describe("a plan", () => {
  it("deletes what is the owner's and not declared, with prune only, users first", ({ expect }) => {
    fc.assert(
      fc.property(worlds, things, flags, (world, owned, given) => {
        const plan = planOf(
          world.map(({ kind, name, ...of }) => assessed(kind, name, of)),
          owned,
          { ...OPTIONS, ...given },
        );
        const gone = owned.map(keyOf).filter((key) => !world.some((one) => keyOf(one) === key));
        const deleted = plan.steps.filter(({ action }) => action === "delete");
        expect(deleted.map(keyOf).toSorted()).toEqual(given.prune ? gone.toSorted() : []);
        expect([...plan.left].toSorted()).toEqual(given.prune ? [] : gone.toSorted());
        const ranks = deleted.map(({ kind }) => deletionRank(kind));
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      }),
    );
  });

  it("touches nothing of another's or nobody's, and makes nothing anew, without a word", ({ expect }) => {
    fc.assert(
      fc.property(worlds, flags, (world, given) => {
        const plan = planOf(
          world.map(({ kind, name, ...of }) => assessed(kind, name, of)),
          [],
          { ...OPTIONS, ...given },
        );
        const isRefused = world.some(
          ({ isThere, owner, comparison }) =>
            isThere &&
            (owner === "other" ||
              (owner === null && !given.adopt) ||
              (comparison.replace !== null && !given.allowReplace)),
        );
        expect(plan.problems.length > 0).toBe(isRefused);
      }),
    );
  });

  it("of what is as it should be is empty", ({ expect }) => {
    fc.assert(
      fc.property(worlds, (world) => {
        const plan = planOf(
          world.map(({ kind, name }) => assessed(kind, name)),
          [],
          { ...OPTIONS, prune: true, adopt: true },
        );
        expect(isEmpty(plan)).toBe(true);
      }),
    );
  });

  it("leaves what is only looked up", ({ expect }) => {
    const { steps, problems } = planOf([assessed("secret", "a", { isLookUp: true, owner: "other" })], [], OPTIONS);
    expect([steps[0]?.action, problems]).toEqual(["none", []]);
  });
});
