/** What may happen to a registry, step by step: parts of pushes, deletes, collections, time and deaths, drawn at random. */
import * as fc from "fast-check";

const REPOSITORIES = ["a", "b/c"] as const;
const TAGS = ["latest", "v1", "v2"] as const;
const CHUNKS = ["x", "yy", "zzz"] as const;

const repository = fc.constantFrom(...REPOSITORIES);
const place = fc.nat(99);
export const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("start"), repository }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("begin"), place }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("write"),
      place,
      chunk: fc.constantFrom(...CHUNKS),
      replaces: fc.boolean(),
      dies: fc.constantFrom("no", "no", "no", "before", "after"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("finish"), place }) },
  // A whole push of a blob at once, so that images come about.
  { weight: 4, arbitrary: fc.record({ do: fc.constant("blob"), repository, chunk: fc.constantFrom(...CHUNKS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel"), place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("mount"), repository, place, from: fc.option(repository) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("head"), repository, place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unlink"), repository, place }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("put"),
      repository,
      blobs: fc.array(place, { maxLength: 3 }),
      manifests: fc.array(place, { maxLength: 2 }),
      subject: fc.option(place),
      tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete"), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("untag"), repository, tag: fc.constantFrom(...TAGS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("removeUntagged"), place }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("collect"),
      by: fc.constantFrom("call", "alarm"),
      dies: fc.option(fc.nat(6)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait"), minutes: fc.constantFrom(1, 16, 31, 60, 24 * 60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("die") }) },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
