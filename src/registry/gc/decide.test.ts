import * as fc from "fast-check";
import { describe, it } from "vitest";
import { garbageOf, UPLOAD_LIFETIME_MS } from "./decide.ts";
import { sweepDueAt } from "./sweeps.ts";
import { unreached, type Known } from "./untagged.ts";

const NOW = 1_000_000_000;
const HOLD = 1_000;

const digest = fc.constantFrom("a", "b", "c", "d", "e", "f");
const link = fc.record({ digest, held_until: fc.integer({ min: NOW - 2, max: NOW + 2 }) });
const upload = fc.record({ written_at: fc.integer({ min: NOW - UPLOAD_LIFETIME_MS - 2, max: NOW }) });

describe("garbage", () => {
  it("is what nobody names, holds or writes, all of it and nothing else", ({ expect }) => {
    const property = fc.property(
      fc.uniqueArray(link, { selector: (one) => one.digest }),
      fc.uniqueArray(digest),
      fc.array(upload),
      (links, names, uploads) => {
        const named = new Set(names);
        const verdict = garbageOf(links, named, uploads, NOW);
        for (const one of links) {
          expect(verdict.links.includes(one)).toBe(!named.has(one.digest) && one.held_until <= NOW);
        }
        for (const one of uploads) {
          expect(verdict.uploads.includes(one)).toBe(NOW - one.written_at >= UPLOAD_LIFETIME_MS);
        }
        // Later, when nobody has done anything, there is more of it exactly where it waits.
        const later = garbageOf(links, named, uploads, NOW + UPLOAD_LIFETIME_MS + 2);
        const isMore = later.links.length > verdict.links.length || later.uploads.length > verdict.uploads.length;
        expect(verdict.isWaiting).toBe(isMore);
        expect(later.isWaiting).toBe(false);
      },
    );
    fc.assert(property);
  });
});

describe("a sweep", () => {
  it("looks after a hold, and once more after a day", ({ expect }) => {
    const sweep = { upload: "id", digest: null, ended_at: NOW };
    expect(sweepDueAt({ ...sweep, looks: 0 }, HOLD)).toBe(NOW + HOLD);
    expect(sweepDueAt({ ...sweep, looks: 1 }, HOLD)).toBe(NOW + 24 * 60 * 60 * 1_000);
    expect(sweepDueAt({ ...sweep, looks: 2 }, HOLD)).toBeNull();
  });
});

describe("manifests that no tag leads to", () => {
  const manifest = fc.record({
    digest,
    names: fc.uniqueArray(digest, { maxLength: 3 }),
    subject: fc.option(digest),
    pushedAt: fc.constantFrom(NOW - HOLD, NOW - HOLD + 1),
  });
  const manifests = fc.uniqueArray(manifest, { selector: (one) => one.digest });

  it("are those, old enough, with what leads to them", ({ expect }) => {
    const property = fc.property(manifests, fc.uniqueArray(digest), (all, tags) => {
      const tagged = new Set(tags.filter((tag) => all.some((one) => one.digest === tag)));
      const found = unreached(all, tagged, NOW, HOLD);
      const expected = all.filter((one) => one.pushedAt + HOLD <= NOW && !isReached(all, tagged, one.digest));
      expect(found.map((one) => one.manifest)).toEqual(expected);
      for (const { manifest: one, ledBy } of found) {
        const leaders = all.filter((other) => other.names.includes(one.digest) || other.digest === one.subject);
        expect(new Set(ledBy)).toEqual(new Set(leaders.map((leader) => leader.digest)));
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});

/** Whether a tag leads to it, followed upwards. */
function isReached(
  all: readonly Known[],
  tagged: ReadonlySet<string>,
  wanted: string,
  seen = new Set<string>(),
): boolean {
  if (tagged.has(wanted)) return true;
  if (seen.has(wanted)) return false;
  seen.add(wanted);
  const subject = all.find((one) => one.digest === wanted)?.subject ?? null;
  return all.some(
    (one) => (one.names.includes(wanted) || one.digest === subject) && isReached(all, tagged, one.digest, seen),
  );
}
