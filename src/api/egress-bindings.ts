/** What a policy names of the control plane's own bindings has to be there: found out when it is written. */
import { requireServiceBinding } from "../bindings.ts";
import type { EgressPolicy } from "../egress/policy/policy.ts";
import { bindingProblem } from "../egress/bindings/known.ts";
import { invalid } from "./body.ts";

/** `at`: where in the request the policy stands. */
export function requireBindings(env: Env, { handlers, bindings }: EgressPolicy, at: "" | "egress."): void {
  for (const [index, { binding }] of handlers.entries()) {
    requireServiceBinding(env, `${at}handlers[${index}]`, binding);
  }
  for (const [index, grant] of bindings.entries()) {
    const problem = bindingProblem(grant, env);
    if (problem !== null) throw invalid({ [`${at}bindings[${index}].binding`]: problem });
  }
}
