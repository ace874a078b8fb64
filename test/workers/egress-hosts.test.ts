/** The URL parser of workerd is the one that counts: what it makes of a spelling is what a policy is held against. */
import { it } from "vitest";
import { compilePolicy } from "../../src/egress/policy/compile.ts";
import { evaluate } from "../../src/egress/policy/evaluate.ts";
import { HOSTS_TABLE, POLICIES } from "../egress/hosts-table.ts";

it("decides of hosts in every spelling as on Node", ({ expect }) => {
  const differing = HOSTS_TABLE.flatMap((entry) => {
    const decision = evaluate(compilePolicy(POLICIES[entry.policy]), entry);
    const outcome = decision.allowed ? "allowed" : decision.reason;
    return outcome === entry.expected ? [] : [{ ...entry, outcome }];
  });
  expect(differing).toEqual([]);
  expect(HOSTS_TABLE.length).toBeGreaterThan(200);
});
