/** Holds the evaluator against the reference, on as many requests as one likes. */
import * as fc from "fast-check";
import { compilePolicy } from "../../src/egress/policy/compile.ts";
import type { Asked, Decision } from "../../src/egress/policy/decision.ts";
import { evaluate } from "../../src/egress/policy/evaluate.ts";
import type { EgressPolicy } from "../../src/egress/policy/policy.ts";
import { policies, requests } from "./arbitraries.ts";
import { judge, type Verdict } from "./reference.ts";

const REQUESTS_PER_POLICY = 50;

export interface Agreement {
  readonly evaluations: number;
  /** How often each was decided: whoever reads it sees whether all of them were tried. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Throws, with the smallest policy and request that it has found, where the two differ. */
export function checkAgreement({ evaluations, seed }: { evaluations: number; seed?: number | undefined }): Agreement {
  const counts = new Map<string, number>();
  let done = 0;
  fc.assert(
    fc.property(
      policies(),
      fc.array(requests(), { minLength: REQUESTS_PER_POLICY, maxLength: REQUESTS_PER_POLICY }),
      (policy, batch) => {
        const compiled = compilePolicy(policy);
        for (const { asked, plain } of batch) {
          const decision = evaluate(compiled, asked);
          hold(policy, asked, asked, decision);
          if (plain !== null) hold(policy, asked, plain, decision);
          const key = decision.allowed ? "allowed" : decision.reason;
          counts.set(key, (counts.get(key) ?? 0) + 1);
          done += 1;
        }
      },
    ),
    { numRuns: Math.ceil(evaluations / REQUESTS_PER_POLICY), ...(seed === undefined ? {} : { seed }) },
  );
  return { evaluations: done, counts };
}

function hold(policy: EgressPolicy, asked: Asked, meant: Asked, decision: Decision): void {
  const verdict = judge(policy, meant);
  const [said, expected] = [textOf(policy, decision), textOfVerdict(verdict)];
  if (said !== expected) {
    throw new Error(
      `${asked.method} ${JSON.stringify(asked.url)}: the evaluator says ${said}, the reference ${expected}`,
    );
  }
}

function textOf(policy: EgressPolicy, decision: Decision): string {
  if (!decision.allowed) {
    const { reason, rule } = decision;
    return textOfVerdict({
      allowed: false,
      reason,
      rule: reason === "malformed" || reason === "https_off" ? null : rule,
    });
  }
  return textOfVerdict({
    allowed: true,
    handler: decision.handler === null ? null : policy.handlers.indexOf(decision.handler),
    credentials: decision.credentials.map((credential) => policy.credentials.indexOf(credential)),
  });
}

function textOfVerdict(verdict: Verdict): string {
  return verdict.allowed
    ? `allowed, handler ${verdict.handler}, credentials ${verdict.credentials.join(" ")}`
    : `${verdict.reason} by ${verdict.rule}`;
}
