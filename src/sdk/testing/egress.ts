/**
 * What an instance of a test may reach: lists, changes and decisions are those of the control plane. Nothing enforces them,
 * since there is no container whose requests could be stopped.
 */
import { compilePolicy } from "../../egress/policy/compile.ts";
import { evaluate } from "../../egress/policy/evaluate.ts";
import { changeOverrides, effectivePolicy } from "../../egress/policy/overrides.ts";
import {
  NO_OVERRIDES,
  NO_POLICY,
  type EgressOverrides,
  type EgressPolicy,
  type EgressRule as Rule,
} from "../../egress/policy/policy.ts";
import type { EgressChange, EgressRule, EgressState } from "../binding.ts";
import { policyOf, type EgressConfig } from "../definition/egress.ts";

export class TestEgress {
  readonly #policy: EgressPolicy;
  #overrides: EgressOverrides = NO_OVERRIDES;

  constructor(config: EgressConfig | undefined) {
    this.#policy = config === undefined ? NO_POLICY : policyOf(config);
  }

  mayReach(url: string, method: string): boolean {
    return this.#policy.open || evaluate(compilePolicy(this.#effective), { url, method }).allowed;
  }

  change({ removeAllowed, removeDenied, setAllowed, setDenied, ...rest }: EgressChange): void {
    if (this.#policy.open) throw fault("EGRESS_OPEN", "the application's containers go past egress", {});
    const next = changeOverrides(this.#overrides, this.#policy, {
      ...rest,
      remove_allowed: removeAllowed,
      remove_denied: removeDenied,
      set_allowed: setAllowed,
      set_denied: setDenied,
    });
    if ("problem" in next) {
      const { field, problem } = next;
      throw fault("VALIDATE_INPUT", `${field}: ${problem}`, { [field]: problem });
    }
    this.#overrides = next;
  }

  reset(): void {
    this.#overrides = NO_OVERRIDES;
  }

  describe(isRunning: boolean): EgressState {
    const { default: byDefault, allow, deny, open } = this.#effective;
    return {
      default: byDefault,
      allowed: allow?.map(shown) ?? null,
      denied: deny.map(shown),
      changed: JSON.stringify(this.#overrides) !== JSON.stringify(NO_OVERRIDES),
      verified: isRunning ? (open ? "open" : "probe") : null,
    };
  }

  get #effective(): EgressPolicy {
    return effectivePolicy(this.#policy, this.#overrides);
  }
}

function shown({ host, ports, methods }: Rule): EgressRule {
  if (ports === undefined && methods === undefined) return host;
  return { host, ...(ports === undefined ? {} : { ports }), ...(methods === undefined ? {} : { methods }) };
}

/** As it looks after RPC. */
function fault(code: string, message: string, details: Record<string, unknown>): Error {
  return Object.assign(new Error(message), { name: "GantryError", code, retryable: false, details });
}
