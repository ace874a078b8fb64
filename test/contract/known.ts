/**
 * What the walk knows to exist: the ids and names in the answers so far, each with the path under which it was seen.
 * Paths of later requests are made of them, so that operations meet resources that are there, and some that were.
 */
import type { Random } from "../simulation/random.ts";

interface Entry {
  readonly value: string;
  /** Which of the thing's fields it is. */
  readonly field: string;
  /** The same for all names of one thing. */
  readonly thing: string;
  /** The value of the path parameter before it; empty for what stands at the root. */
  readonly parent: string;
}

/** Old ones are dropped, so that most of what is known still exists. */
const KEPT = 40;

/** Segments that mean the same resource. */
const SAME: Readonly<Record<string, string>> = { "instances-v2": "instances", "deployments-v2": "deployments" };
/** Segments that are no resource. */
const NO_RESOURCE: ReadonlySet<string> = new Set(["v2", "dash", "secrets_store"]);
/** Segments below which a collection stands that is of its own. */
const NESTED: Readonly<Record<string, string>> = { registries: "protos" };
/** Fields of any answer that name another resource. */
const POINTERS: Readonly<Record<string, string>> = { deployment_id: "deployments", placement_id: "placements" };
/** Fields that a path may name a thing by. */
const NAMES = ["id", "name", "domain"] as const;
/** Things that go by a field of their own. */
const OWN_NAMES: Readonly<Record<string, readonly string[]>> = {
  versions: ["version"],
  "image-preparations": ["image"],
  protos: ["proto"],
  lease: ["nonce"],
  attempts: ["number"],
};

export class Known {
  readonly #pools = new Map<string, Entry[]>();
  /** By concrete path. */
  readonly #etags = new Map<string, string>();

  /** Takes in the answer to a request: `segments` are those of its path below the base, decoded. */
  learn(method: string, segments: readonly string[], result: unknown, isWhole: boolean): void {
    const { kind, parent, isItem } = subject(segments);
    if (method === "DELETE") {
      if (isItem) this.#forget(kind, segments.at(-1) ?? "");
      else this.#forgetBelow(kind, parent);
      return;
    }
    // What a list below something does not name is gone.
    if (method === "GET" && !isItem && isWhole && parent !== "" && Array.isArray(result))
      this.#forgetBelow(kind, parent);
    for (const item of itemsOf(result)) {
      // The secrets store takes ids only, of secrets that go by their names elsewhere.
      const fields = segments.includes("secrets_store") ? ["id"] : (OWN_NAMES[kind] ?? NAMES);
      const names = fields.map((field) => ({ field, value: item[field] }));
      const thing = String(names.map(({ value }) => value).find(isName) ?? "");
      // What a thing's own page says is known from the list, and an action's answer may be about something else.
      for (const { field, value } of isItem ? [] : names) {
        if (isName(value)) this.#add(kind, { value: String(value), field, thing, parent });
      }
      this.#follow(item, parent);
    }
  }

  /** What a 404 is about; what that stands below may still be there, and the number of an attempt is that of many. */
  forget(value: string): void {
    for (const kind of this.#pools.keys()) {
      if (kind !== "applications" && kind !== "stores" && kind !== "attempts") this.#forget(kind, value);
    }
  }

  /**
   * A value for the parameter after `segment`, below `parent`; undefined when none is known. Rather one that has
   * something below it in `child`, where the path goes on to that.
   */
  pick(segment: string, parent: string, child: string | undefined, random: Random): string | undefined {
    const pool = this.#pool(segment);
    const exact = pool.filter((entry) => entry.parent === parent);
    const below = exact.length > 0 ? exact : pool.filter((entry) => entry.parent === "");
    const parents = new Set(child === undefined ? [] : this.#pool(child).map((entry) => entry.parent));
    const fruitful = below.filter(({ value }) => parents.has(value));
    const from = [fruitful, below, pool].find((entries) => entries.length > 0) ?? [];
    return from[random.between(0, Math.max(0, from.length - 1))]?.value;
  }

  /** The only one of its kind below `parent`. */
  below(kind: string, parent: string): string | undefined {
    return this.#pool(kind).find((entry) => entry.parent === parent)?.value;
  }

  /** A value of one field of things that stand at the root, for bodies that refer to them. */
  reference(segment: string, field: string, random: Random): string | undefined {
    const values = this.#pool(segment).filter((entry) => entry.field === field);
    return values[random.between(0, Math.max(0, values.length - 1))]?.value;
  }

  #pool(segment: string): Entry[] {
    return this.#pools.get(SAME[segment] ?? segment) ?? [];
  }

  count(segment: string): number {
    return this.#pools.get(segment)?.length ?? 0;
  }

  rememberEtag(path: string, etag: string): void {
    this.#etags.set(path, etag);
  }

  etag(path: string): string | undefined {
    return this.#etags.get(path);
  }

  #follow(item: Record<string, unknown>, parent: string): void {
    for (const [field, value] of Object.entries(item)) {
      const kind = POINTERS[field];
      if (kind !== undefined && typeof value === "string")
        this.#add(kind, { value, field: "id", thing: value, parent });
      if (field === "current_placement" && isRecord(value) && typeof value["id"] === "string") {
        this.#add("placements", { value: value["id"], field: "id", thing: value["id"], parent });
      }
    }
  }

  #add(kind: string, entry: Entry): void {
    const pool = this.#pools.get(kind) ?? [];
    if (pool.some(({ value, parent }) => value === entry.value && parent === entry.parent)) return;
    pool.push(entry);
    if (pool.length > KEPT) pool.shift();
    this.#pools.set(kind, pool);
  }

  #forgetBelow(kind: string, parent: string): void {
    this.#pools.set(
      kind,
      this.#pool(kind).filter((entry) => entry.parent !== parent),
    );
  }

  /** With everything that stood below it. */
  #forget(kind: string, value: string): void {
    const gone = this.#pool(kind).find((entry) => entry.value === value)?.thing;
    const names = new Set([value]);
    const rest = this.#pool(kind).filter((entry) => {
      if (entry.thing === gone) names.add(entry.value);
      return entry.thing !== gone && entry.value !== value;
    });
    this.#pools.set(kind, rest);
    for (const [other, pool] of this.#pools) {
      this.#pools.set(
        other,
        pool.filter(({ parent }) => parent === "" || !names.has(parent)),
      );
    }
  }
}

/** `["applications", "a1", "instances"]` is about instances of a1, as a collection. */
function subject(segments: readonly string[]): { kind: string; parent: string; isItem: boolean } {
  const named = segments.filter((segment) => !NO_RESOURCE.has(segment));
  const path = NESTED[named[0] ?? ""] === named[1] && named.length > 1 ? named.slice(1) : named;
  const isItem = path.length % 2 === 0;
  const last = path.at(isItem ? -2 : -1) ?? "";
  const parent = path.at(isItem ? -3 : -2) ?? "";
  return { kind: SAME[last] ?? last, parent, isItem };
}

/** A list, a list inside of an object, or one thing. */
function itemsOf(result: unknown): Record<string, unknown>[] {
  if (Array.isArray(result)) return result.filter(isRecord);
  if (!isRecord(result)) return [];
  const lists = Object.values(result).filter((value): value is unknown[] => Array.isArray(value));
  const inner = lists.flat().filter(isRecord);
  return typeof result["id"] === "string" || inner.length === 0 ? [result] : inner;
}

function isName(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
