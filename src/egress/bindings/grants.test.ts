import { describe, it } from "vitest";
import { GantryError } from "../../errors.ts";
import type { BindingGrant } from "../policy/policy.ts";
import { grantedPrefix, grantsOfInstance, requireGrant } from "./grants.ts";

function grant(prefix: string, access: "read" | "write" = "read", binding = "FILES"): BindingGrant {
  return { type: "r2", binding, prefix, access };
}

function refusal(work: () => unknown): GantryError | null {
  try {
    work();
    return null;
  } catch (error) {
    return error as GantryError;
  }
}

const ask = (grants: BindingGrant[], key: string, access: "read" | "write" = "read", binding = "FILES") =>
  refusal(() => requireGrant(grants, { type: "r2", binding, key, access }));

describe("a grant", () => {
  it.for([
    [[grant("")], "any", "read", true],
    [[grant("")], "any", "write", false],
    [[grant("", "write")], "any", "read", true],
    [[grant("a/")], "a/b", "read", true],
    [[grant("a/")], "a", "read", false],
    [[grant("a/")], "/a/b", "read", false],
    [[grant("a/")], "A/b", "read", false],
    [[grant("a")], "ab", "read", true],
    [[grant("a/")], "a/../b", "read", true],
    [[grant("a/"), grant("b/", "write")], "a/x", "write", false],
    [[grant("a/"), grant("a/b/", "write")], "a/b/x", "write", true],
    [[], "a", "read", false],
  ] as const)("%j lets %s be %s: %s", ([grants, key, access, isAllowed], { expect }) => {
    expect(ask([...grants], key, access) === null).toBe(isAllowed);
  });

  it("of another binding, or of a binding of another type, says nothing", ({ expect }) => {
    expect(ask([grant("", "write", "OTHER")], "a")?.code).toBe("BINDING_NOT_GRANTED");
    expect(ask([{ ...grant("", "write"), type: "kv" }], "a")?.code).toBe("BINDING_NOT_GRANTED");
  });

  it("that is missing is named, whole, and so is what is there", ({ expect }) => {
    const error = ask([grant("a/")], "a/b", "write");
    expect(error).toMatchObject({
      code: "BINDING_NOT_GRANTED",
      details: {
        binding: "FILES",
        key: "a/b",
        needed: '{"type":"r2","binding":"FILES","prefix":"a/b","access":"write"}',
        granted: ['read "a/"'],
      },
    });
    expect(error?.message).toContain(error?.details["needed"]);
  });
});

const listed = (prefixes: string[], key: string) =>
  grantedPrefix(
    prefixes.map((prefix) => grant(prefix)),
    { type: "r2", binding: "FILES", key, access: "read" },
  );

describe("a list", () => {
  it.for([
    [[""], "", ""],
    [["a/"], "", "a/"],
    [["a/"], "a", "a/"],
    [["a/"], "a/b", "a/b"],
    [["a/", "a/b/"], "", "a/"],
    [["a/b/", "a/"], "a", "a/"],
    [["a/", "b/"], "b", "b/"],
    [["a/", "a/"], "", "a/"],
    [["", "b/"], "", ""],
  ] as const)("of %j asked for %j lists %j", ([prefixes, key, expected], { expect }) => {
    expect(listed([...prefixes], key)).toBe(expected);
  });

  it.for([
    [["a/"], "b"],
    [["a/"], "ab"],
    [["a/", "b/"], ""],
    [[], ""],
  ] as const)("of %j asked for %j is refused", ([prefixes, key], { expect }) => {
    expect(refusal(() => listed([...prefixes], key))?.code).toBe("BINDING_NOT_GRANTED");
  });

  it("over several prefixes says which they are", ({ expect }) => {
    expect(refusal(() => listed(["a/", "b/"], ""))?.details).toMatchObject({ prefixes: ["a/", "b/"] });
  });
});

describe("a grant by name", () => {
  it.for([
    ["ada", ["web/ada/", "shared/"]],
    ["a/b", ["web/a%2Fb/", "shared/"]],
    ["{name}$&", ["web/%7Bname%7D%24%26/", "shared/"]],
    [null, ["shared/"]],
  ] as const)("is that of %j alone", ([name, expected], { expect }) => {
    const granted = grantsOfInstance([grant("web/{name}/"), grant("shared/")], name);
    expect(granted.map(({ prefix }) => prefix)).toEqual(expected);
  });
});
