import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { RoutingMember } from "../orchestrator/routing.ts";
import {
  chooseSide,
  clientOf,
  hasVersionCookie,
  pointOf,
  sidesOf,
  VERSION_COOKIE,
  withoutVersionCookie,
  type Asking,
  type Split,
} from "./split.ts";

const BY_CHANCE: Split = { kind: "split", percentage: 10, sticky: null };
const BY_COOKIE: Split = { ...BY_CHANCE, sticky: { by: "cookie" } };
const BY_HEADER: Split = { ...BY_CHANCE, sticky: { by: "header", name: "x-user" } };

function asking(headers: Record<string, string> = {}, fields: Partial<Asking> = {}): Asking {
  return { request: new Request("http://app.test/", { headers }), hasCookies: true, random: () => 0.5, ...fields };
}

/** Of how many clients, so many are on the new side. */
function share(keys: readonly string[], percentage: number, rolloutId = "r"): number {
  const onNew = keys.filter((key) => chooseSide({ percentage }, { point: pointOf(key, rolloutId) }) === "to");
  return (onNew.length * 100) / keys.length;
}

const KEYS = Array.from({ length: 20_000 }, (_, index) => `user-${index}`);

const at = (random: number) => chooseSide(BY_CHANCE, clientOf(BY_CHANCE, "r", asking({}, { random: () => random })));

describe("the side of a request", () => {
  it("by chance is the new one for that share of them, and none or all at the ends", ({ expect }) => {
    expect([at(0), at(0.0999), at(0.1), at(0.999)]).toEqual(["to", "to", "from", "from"]);
    for (const point of [0, 50, 99.999]) {
      expect(chooseSide({ percentage: 0 }, { point })).toBe("from");
      expect(chooseSide({ percentage: 100 }, { point })).toBe("to");
    }
  });

  it.for([1, 5, 10, 50, 90])(
    "of many clients who are alike is the new one for %d %% of them",
    (percentage, { expect }) => {
      // Four standard deviations of an even spread.
      const tolerance = 4 * Math.sqrt((percentage * (100 - percentage)) / KEYS.length);
      expect(Math.abs(share(KEYS, percentage) - percentage)).toBeLessThan(tolerance);
    },
  );

  it("stays the new one for whoever has it, while the percentage grows", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uuid(),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.nat(100),
        (key, id, a, b) => {
          const [less, more] = [Math.min(a, b), Math.max(a, b)];
          const point = pointOf(key, id);
          expect(point >= 0 && point < 100).toBe(true);
          if (chooseSide({ percentage: less }, { point }) === "to") {
            expect(chooseSide({ percentage: more }, { point })).toBe("to");
          }
        },
      ),
    );
  });

  it("is drawn anew for each rollout", ({ expect }) => {
    const first = KEYS.filter((key) => pointOf(key, "r1") < 10);
    expect(share(first, 10, "r2")).toBeLessThan(20);
  });
});

describe("a client", () => {
  it("is known by the header that it sends, and sent by chance without it", ({ expect }) => {
    const known = clientOf(BY_HEADER, "r", asking({ "x-user": "ada" }));
    expect(known).toEqual({ point: pointOf("ada", "r"), setCookie: null });
    expect(clientOf(BY_HEADER, "r", asking())).toEqual({ point: 50, setCookie: null });
  });

  it("without a cookie gets one, by which it is where it was the first time", ({ expect }) => {
    const first = clientOf(BY_COOKIE, "r", asking());
    const [cookie = "", ...attributes] = first.setCookie?.split("; ") ?? [];
    expect(attributes).toEqual(["Path=/", "HttpOnly", "SameSite=Lax"]);
    expect(clientOf(BY_COOKIE, "r", asking({ cookie: `a=1; ${cookie}; b=2` }))).toEqual({
      point: first.point,
      setCookie: null,
    });
    expect(clientOf(BY_COOKIE, "r", asking()).setCookie).not.toBe(first.setCookie);
    const secure = clientOf(BY_COOKIE, "r", asking({}, { request: new Request("https://app.test/") }));
    expect(secure.setCookie).toMatch(/; Secure$/);
  });

  it("gets a new one in place of what is none of ours, and none where no cookies go", ({ expect }) => {
    for (const cookie of [`${VERSION_COOKIE}=`, `${VERSION_COOKIE}=new`, `x${VERSION_COOKIE}=${"0".repeat(32)}`]) {
      expect(clientOf(BY_COOKIE, "r", asking({ cookie })).setCookie).not.toBeNull();
    }
    expect(clientOf(BY_COOKIE, "r", asking({}, { hasCookies: false }))).toEqual({ point: 50, setCookie: null });
    expect(clientOf(BY_CHANCE, "r", asking()).setCookie).toBeNull();
  });
});

describe("our cookie", () => {
  it.for([
    [`${VERSION_COOKIE}=1`, null],
    [`a=1; ${VERSION_COOKIE}=1;b="2; x"`, 'a=1; b="2; x"'],
    [`x${VERSION_COOKIE}=1; a`, `x${VERSION_COOKIE}=1; a`],
  ] as const)("is taken out of %s, and nothing else is", ([cookie, left], { expect }) => {
    const { request } = asking({ cookie });
    expect(hasVersionCookie(request)).toBe(true);
    const headers = new Headers(request.headers);
    withoutVersionCookie(headers);
    expect(headers.get("cookie")).toBe(left);
  });

  it("is not looked for where there is none", ({ expect }) => {
    expect([hasVersionCookie(asking().request), hasVersionCookie(asking({ cookie: "a=1" }).request)]).toEqual([
      false,
      false,
    ]);
  });
});

describe("the members of a snapshot", () => {
  it("are divided once", ({ expect }) => {
    const members: RoutingMember[] = [
      { deploymentId: "a", instanceId: "a" },
      { deploymentId: "b", instanceId: "b", isTarget: true },
    ];
    expect(sidesOf(members)).toEqual({ from: [members[0]], to: [members[1]] });
    expect(sidesOf(members)).toBe(sidesOf(members));
  });
});
