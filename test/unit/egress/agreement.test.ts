import { describe, it } from "vitest";
import * as fc from "fast-check";
import { canonicalHost } from "../../../src/egress/policy/host.ts";
import { checkAgreement } from "../../egress/agreement.ts";
import { spelledHosts } from "../../egress/arbitraries.ts";

describe("the evaluator of egress policies", () => {
  it("decides as the reference does, and never throws", ({ expect }) => {
    const { evaluations, counts } = checkAgreement({
      evaluations: Number(process.env["EGRESS_EVALUATIONS"] ?? 20_000),
    });
    expect(evaluations).toBeGreaterThanOrEqual(20_000);
    const decisions = [
      "allowed",
      "denied",
      "not_allowed",
      "private_address",
      "https_off",
      "credential_scope",
      "malformed",
    ];
    expect([...counts.keys()].toSorted()).toEqual(decisions.toSorted());
  });

  it("knows a host in every spelling", ({ expect }) => {
    fc.assert(
      fc.property(spelledHosts(), ({ host, spelling }) => {
        expect(canonicalHost(spelling)).toBe(host);
      }),
      { numRuns: 5_000 },
    );
  });
});
