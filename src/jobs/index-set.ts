/** Sets of whole numbers that are mostly runs, spelled as Kubernetes spells completed indexes: `1,3-5,7`. Immutable. */

export interface IndexRange {
  readonly first: number;
  readonly last: number;
}

export type IndexSet = readonly IndexRange[];

export const NO_INDEXES: IndexSet = [];

const PART = /^(\d{1,9})(?:-(\d{1,9}))?$/;

/** Null for what is no set: parts are in order and do not touch. */
export function parseIndexes(text: string): IndexSet | null {
  if (text === "") return NO_INDEXES;
  const ranges: IndexRange[] = [];
  for (const part of text.split(",")) {
    const match = PART.exec(part);
    if (match === null) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || first <= (ranges.at(-1)?.last ?? -1)) return null;
    ranges.push({ first, last });
  }
  return joined(ranges);
}

export function formatIndexes(set: IndexSet): string {
  return set.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

export function hasIndex(set: IndexSet, index: number): boolean {
  return set.some(({ first, last }) => first <= index && index <= last);
}

export function countOf(set: IndexSet): number {
  return set.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

export function withIndex(set: IndexSet, index: number): IndexSet {
  if (hasIndex(set, index)) return set;
  return joined([...set, { first: index, last: index }].toSorted((a, b) => a.first - b.first));
}

/** Every index of `part` is in `set`. */
export function includesAll(set: IndexSet, part: IndexSet): boolean {
  return part.every(({ first, last }) => set.some((range) => range.first <= first && last <= range.last));
}

function joined(ranges: IndexSet): IndexSet {
  const result: IndexRange[] = [];
  for (const { first, last } of ranges) {
    const before = result.at(-1);
    if (before !== undefined && before.last + 1 === first) result.splice(-1, 1, { first: before.first, last });
    else result.push({ first, last });
  }
  return result;
}
