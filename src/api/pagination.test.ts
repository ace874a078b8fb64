import * as fc from "fast-check";
import { describe, it } from "vitest";
import * as z from "zod";
import { decodePageToken, encodePageToken, pageOf, pageQuery } from "./pagination.ts";

const identity = (key: string) => key;

describe("a page token", () => {
  it("gives back the key that it was made of, and is safe in a URL", ({ expect }) => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii", maxLength: 100 }), (key) => {
        const token = encodePageToken(key);
        expect(decodePageToken(token)).toBe(key);
        expect(encodeURIComponent(token)).toBe(token);
      }),
    );
  });

  it.for(["", "garbage", "%%%", "a", btoa("other:key"), "\u{1F600}"])(
    "that is %j is refused by name",
    (token, { expect }) => {
      expect(() => decodePageToken(token)).toThrow("page_token: ");
    },
  );

  it("that is not there means the beginning", ({ expect }) => {
    expect(decodePageToken(undefined)).toBe("");
  });
});

describe("pages", () => {
  it("together are the whole list, each item once", ({ expect }) => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { maxLength: 30 }), fc.integer({ min: 1, max: 10 }), (keys, perPage) => {
        const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
        const seen: string[] = [];
        let token: string | undefined;
        do {
          const after = decodePageToken(token);
          const rest = sorted.filter((key) => key > after).slice(0, perPage + 1);
          const { page, info } = pageOf(rest, perPage, token, identity);
          expect(info).toMatchObject({ count: page.length, per_page: perPage, page_token: token ?? null });
          seen.push(...page);
          token = info.next_page_token;
        } while (token !== undefined);
        expect(seen).toEqual(sorted);
      }),
    );
  });

  it("have a size within bounds, from text too", ({ expect }) => {
    const schema = z.strictObject(pageQuery(25, 100));
    expect(schema.parse({})).toEqual({ per_page: 25 });
    expect(schema.parse({ per_page: "100" }).per_page).toBe(100);
    for (const bad of ["0", "101", "1.5", "x", "", "-1"])
      expect(schema.safeParse({ per_page: bad }).success).toBe(false);
  });
});
