/** Requests that are wrong in one way each: what people, proxies and attackers send. */
import type { Random } from "../simulation/random.ts";
import type { Sent } from "./client.ts";

export interface Draft extends Sent {
  /** The value of `body`; undefined when that is no JSON. */
  readonly value?: unknown;
  /** Cannot be right, whatever the body's schema says. */
  readonly mustFail: boolean;
}

export interface Breakage {
  readonly name: string;
  /** Null where it does not apply. */
  readonly apply: (draft: Draft, random: Random) => Draft | null;
}

const STRANGE: readonly [unknown, ...unknown[]] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  9_007_199_254_740_992,
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "💥‮‎",
  "../../etc/passwd",
  "x".repeat(70_000),
  "' OR 1=1 --",
  "__proto__",
  "{{7*7}}",
  [],
  [[]],
  [null],
  {},
  { __proto__: null, toString: 1 },
];

const BAD_JSON = ["", "{", "[1,", "nul", "{'a':1}", '{"a":1}}', "\u0000", "﻿{", "NaN", "[".repeat(20_000)] as const;
const BAD_IDS = [
  "%00",
  "%ff%fe",
  "%2e%2e%2f%2e%2e",
  "..%2f..%2fhealthz",
  "%",
  "%zz",
  "a%2Fb",
  "x".repeat(5_000),
  "%F0%9F%92%A5",
  "__proto__",
  "constructor",
  "00000000-0000-0000-0000-000000000000",
  "%20",
  "'%20OR%201=1",
  "*",
  "null",
  "0",
  "-1",
] as const;

const withValue = (draft: Draft, value: unknown, mustFail = false): Draft => ({
  ...draft,
  value,
  body: JSON.stringify(value),
  mustFail: draft.mustFail || mustFail,
});

const withHeader = (draft: Draft, name: string, value: string, mustFail = false): Draft => ({
  ...draft,
  headers: { ...draft.headers, [name]: value },
  mustFail: draft.mustFail || mustFail,
});

const withQuery = (draft: Draft, text: string): Draft => ({
  ...draft,
  target: `${draft.target}${draft.target.includes("?") ? "&" : "?"}${text}`,
});

export const BREAKAGES: readonly [Breakage, ...Breakage[]] = [
  { name: "a strange value", apply: (draft, random) => replaced(draft, random, () => random.pick(STRANGE)) },
  { name: "a missing field", apply: (draft, random) => replaced(draft, random, () => undefined) },
  {
    name: "the body as an array",
    apply: (draft) => (draft.value === undefined ? null : withValue(draft, [draft.value])),
  },
  {
    name: "a strange body",
    apply: (draft, random) => (draft.body === undefined ? null : withValue(draft, random.pick(STRANGE))),
  },
  {
    name: "an unknown field",
    apply: (draft, random) => {
      const at = random.pick(objectsOf(draft.value));
      if (at === undefined) return null;
      const copy = structuredClone(draft.value);
      const name = random.pick(["unknown", "constructor", "Name", "", "\u0000", "x".repeat(3_000)]);
      at.reduce<Record<string, unknown>>(
        (node, key) => node[key] as Record<string, unknown>,
        copy as Record<string, unknown>,
      )[name] = 1;
      return withValue(draft, copy);
    },
  },
  {
    name: "a field called __proto__",
    apply: (draft) => {
      if (draft.body === undefined || !draft.body.startsWith("{")) return null;
      const body = draft.body.replace("{", draft.body === "{}" ? '{"__proto__":{"x":1}' : '{"__proto__":{"x":1},');
      // Parsed as the API does, so that it is an own field.
      return { ...draft, body, value: JSON.parse(body) as unknown };
    },
  },
  {
    name: "no JSON",
    apply: (draft, random) => {
      if (draft.body === undefined) return null;
      const { value: _, ...rest } = draft;
      const body = random.pick(BAD_JSON);
      // An empty one is none, which some operations take.
      return { ...rest, body, mustFail: body !== "" };
    },
  },
  {
    name: "a body beyond 1 MiB",
    apply: (draft, random) =>
      draft.body === undefined || !random.chance(0.1)
        ? null
        : { ...draft, body: `${draft.body}${" ".repeat(1_048_577)}`, mustFail: true },
  },
  {
    name: "another content type",
    apply: (draft, random) => {
      if (draft.body === undefined) return null;
      const type = random.pick([
        "text/xml",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "image/png",
      ]);
      return withHeader(draft, "content-type", type, true);
    },
  },
  { name: "an unknown parameter", apply: (draft) => ({ ...withQuery(draft, "unknown=1"), mustFail: true }) },
  {
    name: "a bad per_page",
    apply: paging("per_page", ["0", "-1", "1e9", "x", "", "1.5", "99999999999999999999", "%00"]),
  },
  {
    name: "a bad page_token",
    apply: paging("page_token", ["x", "", "%00", "azph", "a".repeat(4_000), "%F0%9F%92%A5", "====", "azo"]),
  },
  { name: "a parameter twice", apply: (draft) => withQuery(draft, "page_token=a&page_token=b") },
  {
    name: "a bad If-Match",
    apply: (draft, random) => {
      if (draft.method === "GET") return null;
      return withHeader(draft, "if-match", random.pick(['"other-1"', "x", "", ",,,", "W/", '"', "x".repeat(4_000)]));
    },
  },
  {
    name: "a bad If-None-Match",
    apply: (draft, random) =>
      draft.method === "GET" ? withHeader(draft, "if-none-match", random.pick(['"x"', "", ",", "W/W/"])) : null,
  },
  {
    name: "a bad Idempotency-Key",
    apply: (draft) => (draft.method === "GET" ? null : withHeader(draft, "idempotency-key", "k".repeat(256), true)),
  },
  {
    name: "a strange id",
    apply: (draft, random) => {
      const [path = "", query] = draft.target.split("?", 2);
      const segments = path.split("/");
      const base = path.startsWith("/client/v4/accounts/") ? 6 : 4;
      if (segments.length <= base + 1) return null;
      // The last segments are often verbs; ids stand at any place behind the first.
      segments[random.between(base + 1, segments.length - 1)] = random.pick(BAD_IDS);
      return { ...draft, target: [segments.join("/"), ...(query === undefined ? [] : [query])].join("?") };
    },
  },
  {
    name: "a strange account",
    apply: (draft, random) => {
      const target = draft.target.replace(/(?<=^\/client\/v4\/accounts\/)[^/]+(?=\/)/, random.pick(BAD_IDS));
      return target === draft.target ? null : { ...draft, target, mustFail: true };
    },
  },
  {
    name: "no token",
    apply: (draft) => {
      const { authorization: _, ...headers } = draft.headers;
      return { ...draft, headers, mustFail: true };
    },
  },
  {
    name: "a strange token",
    apply: (draft, random) =>
      withHeader(
        draft,
        "authorization",
        random.pick([
          "Bearer x",
          "Bearer",
          "Basic eDp5",
          `Bearer gty_${"0".repeat(32)}_${"0".repeat(12)}_${"A".repeat(43)}`,
          `Bearer gty_${"0".repeat(31)}1_${"0".repeat(12)}_${"A".repeat(43)}`,
          `Bearer ${"x".repeat(8_000)}`,
        ]),
        true,
      ),
  },
];

function paging(name: string, values: readonly [string, ...string[]]): Breakage["apply"] {
  return (draft, random) => {
    const target = draft.target.replace(new RegExp(`(?<=[?&])${name}=[^&]*&?`), "").replace(/[?&]$/, "");
    return withQuery({ ...draft, target }, `${name}=${random.pick(values)}`);
  };
}

type Path = readonly (string | number)[];

/** One leaf or branch of the body, replaced by what `make` gives; undefined removes it. */
function replaced(draft: Draft, random: Random, make: () => unknown): Draft | null {
  const places = pathsOf(draft.value);
  const [first, ...others] = places;
  if (first === undefined) return null;
  const path = random.pick([first, ...others]);
  const copy = structuredClone(draft.value);
  const last = path.at(-1) ?? "";
  const holder = path
    .slice(0, -1)
    .reduce<unknown>((node, key) => (node as Record<string | number, unknown>)[key], copy);
  const value = make();
  if (value === undefined) delete (holder as Record<string | number, unknown>)[last];
  else (holder as Record<string | number, unknown>)[last] = value;
  return withValue(draft, JSON.parse(JSON.stringify(copy)));
}

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return path.length === 0 ? [] : [path];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  const inner = keys.flatMap((key) => pathsOf((value as Record<string | number, unknown>)[key], [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}

function objectsOf(value: unknown): readonly [Path | undefined, ...Path[]] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [undefined];
  const inner = pathsOf(value).filter((path) => {
    const node = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], value);
    return typeof node === "object" && node !== null && !Array.isArray(node);
  });
  return [[], ...inner];
}
