import { describe, it } from "vitest";
import { permits, reachOf, type Principal } from "./access.ts";
import { isPattern, matches } from "./patterns.ts";
import { askedOf, entryOf, parseScopes } from "./scopes.ts";

const OWN = "a".repeat(32);
const OTHER = "b".repeat(32);
const principal = (more: Partial<Principal> = {}): Principal => ({
  actor: "somebody",
  tokenId: null,
  accountId: OWN,
  isEverywhere: false,
  permissions: ["pull", "push"],
  repositories: null,
  ...more,
});

describe("a pattern", () => {
  it.for([
    ["all", "anything/at/all", true],
    [["team/web"], "team/web", true],
    [["team/web"], "team/web/api", false],
    [["team/*"], "team/web/api", true],
    [["team/*"], "team", false],
    [["team/*"], "teams/web", false],
    [["a", "team/*"], "a", true],
    [[], "a", false],
  ] as const)("%j and %s: %s", ([patterns, name, expected], { expect }) => {
    expect(matches(patterns, name)).toBe(expected);
  });

  it("is a repository, or all below one", ({ expect }) => {
    expect(["web", "team/web", "team/*", "a.b/c_d/*"].filter((text) => !isPattern(text))).toEqual([]);
    expect(["*", "/*", "team/", "team/w*", "*/web", "Team/*", ""].filter(isPattern)).toEqual([]);
  });
});

describe("permissions", () => {
  it("end at the account, but for the operator", ({ expect }) => {
    expect(permits(principal(), OTHER, "web", "pull")).toBe(false);
    expect(permits(principal({ isEverywhere: true }), OTHER, "web", "push")).toBe(true);
    expect(reachOf(principal({ repositories: ["x/*"] }), OWN, "pull")).toEqual(["x/*"]);
    expect(reachOf(principal(), OTHER, "pull")).toEqual([]);
    expect(reachOf(principal({ permissions: ["push"] }), OWN, "pull")).toEqual([]);
  });
});

describe("scopes", () => {
  it.for([
    ["repository:a/b:pull", [{ name: "a/b", actions: ["pull", "list"] }]],
    ["repository:a/b:pull,push", [{ name: "a/b", actions: ["pull", "list", "push"] }]],
    ["repository:a:*", [{ name: "a", actions: ["pull", "list", "push", "delete"] }]],
    ["repository(plugin):a:pull", [{ name: "a", actions: ["pull", "list"] }]],
    ["registry:catalog:*", [{ name: null, actions: ["list"] }]],
    ["repository:a:pull repository:b:push", ["a", "b"]],
    ["repository:A:pull", []],
    ["repository:a:", []],
    ["repository:a:fly", []],
    ["repository:a", []],
    ["aws", []],
    ["", []],
  ] as const)("%s", ([text, expected], { expect }) => {
    const scopes = parseScopes([text]);
    const names = expected.every((one) => typeof one === "string");
    expect(names ? scopes.map(({ name }) => name) : scopes).toEqual(expected);
  });

  it("measure a name without its account, as the registry does", ({ expect }) => {
    const name = "a".repeat(255);
    const texts = [name, `${OWN}/${name}`, `${name}a`, `${OWN}/${name}a`].map((one) => `repository:${one}:pull`);
    expect(parseScopes(texts).map((scope) => scope.name)).toEqual([name, `${OWN}/${name}`]);
  });

  it("of one repository are one, whichever way it is named", ({ expect }) => {
    const scopes = parseScopes(["repository:a:pull", `repository:${OWN}/a:push`, `repository:${OTHER}/a:pull`]);
    expect(askedOf(scopes, OWN)).toEqual([
      { accountId: OWN, repository: "a", actions: ["pull", "list", "push"] },
      { accountId: OTHER, repository: "a", actions: ["pull", "list"] },
    ]);
  });

  it("are cut to what is allowed, and what is not is said", ({ expect }) => {
    const [asked] = askedOf(parseScopes(["repository:a:pull,push"]), OWN);
    if (asked === undefined) throw new Error("it was asked for");
    expect(entryOf(asked, principal({ permissions: ["pull"] }), false)).toMatchObject({
      actions: ["pull", "list"],
      refused: ["push"],
    });
    expect(entryOf(asked, null, true)).toMatchObject({ actions: ["pull", "list"], refused: ["push"] });
    expect(entryOf(asked, null, false)).toMatchObject({ actions: [], refused: ["pull", "list", "push"] });
  });
});
