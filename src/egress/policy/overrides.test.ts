import { describe, it } from "vitest";
import { policyDigest } from "./digest.ts";
import { changeOverrides, effectivePolicy, MAX_OVERRIDES, type OverrideChange } from "./overrides.ts";
import { NO_OVERRIDES, NO_POLICY, type EgressOverrides, type EgressPolicy } from "./policy.ts";

const policy = (part: Partial<EgressPolicy> = {}): EgressPolicy => ({ ...NO_POLICY, ...part });
const listed = (...hosts: string[]) => policy({ allow: hosts.map((host) => ({ host })) });
const open = policy({ default: "allow" });

function changed(of: EgressPolicy, ...changes: OverrideChange[]): EgressOverrides {
  return changes.reduce<EgressOverrides>((overrides, change) => {
    const result = changeOverrides(overrides, of, change);
    if ("problem" in result) throw new Error(`${result.field} ${result.problem}`);
    return result;
  }, NO_OVERRIDES);
}

/** Lists after the changes, hosts alone. */
function lists(of: EgressPolicy, ...changes: OverrideChange[]) {
  const { allow, deny } = effectivePolicy(of, changed(of, ...changes));
  return { allow: allow?.map(({ host }) => host), deny: deny.map(({ host }) => host) };
}

describe("a host that is allowed for an instance", () => {
  it("is the only one where nothing was", ({ expect }) => {
    expect(lists(NO_POLICY, { allow: ["API.Example.com."] })).toEqual({ allow: ["api.example.com"], deny: [] });
  });

  it("joins those of the list", ({ expect }) => {
    expect(lists(listed("a.test"), { allow: ["b.test", "b.test", "a.test"] }).allow).toEqual(["a.test", "b.test"]);
  });

  it("cuts nothing off where everything is allowed, and is in a list that comes later", ({ expect }) => {
    const overrides = changed(open, { allow: ["a.test"] });
    expect(effectivePolicy(open, overrides)).toEqual(open);
    expect(effectivePolicy(listed("b.test"), overrides).allow).toEqual([{ host: "b.test" }, { host: "a.test" }]);
  });

  it("is allowed with all that a rule of the policy leaves out", ({ expect }) => {
    const narrow = policy({ allow: [{ host: "a.test", methods: ["GET"] }] });
    expect(effectivePolicy(narrow, changed(narrow, { allow: ["a.test"] })).allow).toEqual([
      { host: "a.test", methods: ["GET"] },
      { host: "a.test" },
    ]);
  });

  it("is back after it was removed", ({ expect }) => {
    expect(lists(listed("a.test"), { remove_allowed: ["a.test"] }, { allow: ["a.test"] }).allow).toEqual(["a.test"]);
  });
});

describe("a host that is removed for an instance", () => {
  it("leaves a list that allows nothing when it was the last", ({ expect }) => {
    expect(lists(listed("a.test"), { remove_allowed: ["A.test"] }).allow).toEqual([]);
  });

  it("leaves no list where there was none", ({ expect }) => {
    expect(changed(NO_POLICY, { allow: ["a.test"] }, { remove_allowed: ["a.test"] })).toEqual(NO_OVERRIDES);
    expect(changed(open, { allow: ["a.test"] }, { remove_allowed: ["a.test"] })).toEqual(NO_OVERRIDES);
  });

  it("goes with all rules of it", ({ expect }) => {
    const rules = policy({
      allow: [{ host: "a.test", methods: ["GET"] }, { host: "a.test", ports: [443] }, { host: "b.test" }],
    });
    expect(lists(rules, { remove_allowed: ["a.test"] }).allow).toEqual(["b.test"]);
  });

  it("stays removed when it is removed again, and while the policy names it", ({ expect }) => {
    const twice = changed(listed("a.test"), { remove_allowed: ["a.test"] }, { remove_allowed: ["a.test"] });
    expect(twice.allow.removed).toEqual(["a.test"]);
    expect(effectivePolicy(listed("a.test", "c.test"), twice).allow).toEqual([{ host: "c.test" }]);
  });

  it("comes back when the policy names it later", ({ expect }) => {
    const overrides = changed(listed("b.test"), { allow: ["a.test"] }, { remove_allowed: ["a.test"] });
    expect(effectivePolicy(listed("a.test"), overrides).allow).toEqual([{ host: "a.test" }]);
  });

  it("from what is denied is denied no more", ({ expect }) => {
    const denying = policy({ default: "allow", deny: [{ host: "a.test" }, { host: "b.test" }] });
    expect(lists(denying, { remove_denied: ["a.test"] }).deny).toEqual(["b.test"]);
  });

  it.for([
    [listed("*.test"), { remove_allowed: ["a.test"] }, "remove_allowed[0]", "allowed by *.test"],
    [listed("*.test"), { remove_allowed: ["*.a.test"] }, "remove_allowed[0]", "allowed by *.test"],
    [listed("10.0.0.0/8"), { remove_allowed: ["b.test", "10.1.0.0/16"] }, "remove_allowed[1]", "allowed by 10.0.0.0/8"],
    [listed("a.test", "*.test"), { remove_allowed: ["a.test"] }, "remove_allowed[0]", "is also allowed by *.test"],
    [open, { remove_allowed: ["a.test"] }, "remove_allowed[0]", "use deny"],
    [policy({ deny: [{ host: "*.test" }] }), { remove_denied: ["a.test"] }, "remove_denied[0]", "denied by *.test"],
  ] as const)("that another rule names is refused: %#", ([of, change, field, problem], { expect }) => {
    expect(changeOverrides(NO_OVERRIDES, of, change)).toEqual({ field, problem: expect.stringContaining(problem) });
  });

  it("goes together with the rule that names it too", ({ expect }) => {
    expect(lists(listed("a.test", "*.test"), { remove_allowed: ["a.test", "*.test"] }).allow).toEqual([]);
  });

  it("that nothing names any more is no problem", ({ expect }) => {
    const change = { remove_allowed: ["test", "10.0.0.0/7"], remove_denied: ["a.test"] };
    expect(changed(listed("*.test", "10.0.0.0/8"), change)).toEqual(NO_OVERRIDES);
  });
});

describe("a host that is denied for an instance", () => {
  it("joins those of the policy", ({ expect }) => {
    const denying = policy({ default: "allow", deny: [{ host: "a.test", methods: ["POST"] }] });
    expect(effectivePolicy(denying, changed(denying, { deny: ["a.test", "*.B.test"] })).deny).toEqual([
      { host: "a.test", methods: ["POST"] },
      { host: "a.test" },
      { host: "*.b.test" },
    ]);
  });
});

describe("a list that is set for an instance", () => {
  it("is in place of the policy's and of what was added and removed", ({ expect }) => {
    const before = [{ allow: ["b.test"], remove_allowed: ["a.test"], deny: ["x.test"] }];
    expect(lists(listed("a.test"), ...before, { set_allowed: ["c.test"] })).toEqual({
      allow: ["c.test"],
      deny: ["x.test"],
    });
  });

  it("allows nothing else even where everything was allowed, and nothing at all when it is empty", ({ expect }) => {
    expect(lists(open, { set_allowed: ["a.test"] }).allow).toEqual(["a.test"]);
    expect(lists(open, { set_allowed: [] }).allow).toEqual([]);
  });

  it("takes additions and removals", ({ expect }) => {
    const change = { set_allowed: ["a.test", "b.test"], allow: ["c.test"], remove_allowed: ["a.test"] };
    expect(lists(NO_POLICY, change).allow).toEqual(["b.test", "c.test"]);
    expect(lists(NO_POLICY, change, { remove_allowed: ["b.test"] }, { remove_allowed: ["c.test"] }).allow).toEqual([]);
  });

  it("is the policy's own again when it is null", ({ expect }) => {
    const before = { set_allowed: ["c.test"], set_denied: ["d.test"] };
    expect(changed(listed("a.test"), before, { set_allowed: null, set_denied: null })).toEqual(NO_OVERRIDES);
    expect(changed(listed("a.test"), { remove_allowed: ["a.test"] }, { set_allowed: null })).toEqual(NO_OVERRIDES);
  });
});

describe("a change for an instance", () => {
  it.for([
    [{ allow: ["a.test", "https://b.test/"] }, "allow[1]", '"b.test"'],
    [{ deny: ["*"] }, "deny[0]", "every host"],
    [{ set_allowed: ["a..b"] }, "set_allowed[0]", "host name"],
    [{ set_denied: ["a.test:80"] }, "set_denied[0]", "port"],
    [{ remove_denied: ["a*b"] }, "remove_denied[0]", "in front"],
    [{ allow: ["a.test"], remove_allowed: ["A.test"] }, "remove_allowed[0]", "allow too"],
  ] as const)("is refused with its field: %#", ([change, field, problem], { expect }) => {
    expect(changeOverrides(NO_OVERRIDES, NO_POLICY, change)).toEqual({
      field,
      problem: expect.stringContaining(problem),
    });
  });

  it.for(["allow", "deny", "set_allowed", "set_denied"] as const)(
    "has at most 256 entries in %s, over all changes",
    (field, { expect }) => {
      const hosts = Array.from({ length: MAX_OVERRIDES + 1 }, (_, index) => `h${index}.test`);
      const full = changed(open, { [field]: hosts.slice(1) });
      expect(changeOverrides(NO_OVERRIDES, open, { [field]: hosts })).toMatchObject({ field });
      const more = field.endsWith("d") ? (field === "set_allowed" ? "allow" : "deny") : field;
      expect(changeOverrides(full, open, { [more]: ["h0.test"] })).toMatchObject({
        field: more,
        problem: expect.stringContaining("256"),
      });
      expect(changeOverrides(full, open, { [more]: ["h1.test"] })).toEqual(full);
    },
  );

  it("is refused where requests do not pass the policy, unless it is undone", ({ expect }) => {
    const past = policy({ default: "allow", open: true });
    expect(changeOverrides(NO_OVERRIDES, past, { deny: ["a.test"] })).toMatchObject({
      field: "deny",
      problem: expect.stringContaining("open"),
    });
    const denied = changed(open, { deny: ["a.test"] });
    expect(effectivePolicy(past, denied).open).toBe(false);
    expect(changeOverrides(denied, past, { set_denied: null })).toEqual(NO_OVERRIDES);
    expect(changeOverrides(denied, past, { remove_denied: ["a.test"] })).toEqual(NO_OVERRIDES);
    expect(effectivePolicy(past, NO_OVERRIDES)).toEqual(past);
  });
});

describe("the digest of a policy", () => {
  it("is that of what it says, whatever the order of its fields", ({ expect }) => {
    const backwards = Object.fromEntries(Object.entries(listed("a.test")).toReversed()) as unknown as EgressPolicy;
    expect(policyDigest(backwards)).toBe(policyDigest(listed("a.test")));
    expect(policyDigest(listed("a.test"))).toMatch(/^[0-9a-f]{64}$/);
  });

  it("differs with every rule", ({ expect }) => {
    const policies = [
      NO_POLICY,
      listed(),
      listed("a.test"),
      listed("a.test", "b.test"),
      listed("b.test", "a.test"),
      open,
    ];
    expect(new Set(policies.map(policyDigest)).size).toBe(policies.length);
  });
});
