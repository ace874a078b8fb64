/** Policies of which this isolate has been told, compiled, so that an instance says only whether its own is still the same. */
import type { EgressState } from "../containers/egress-state.ts";
import { compilePolicy, type CompiledPolicy } from "./policy/compile.ts";
import type { EgressPolicy } from "./policy/policy.ts";

const MOST = 1_000;

export interface Known {
  readonly digest: string;
  readonly policy: EgressPolicy;
  readonly compiled: CompiledPolicy;
}

export class CompiledPolicies {
  readonly #byDigest = new Map<string, Known>();
  readonly #byDeployment = new Map<string, Known>();

  /** Null: none that is still here. */
  latestOf(deploymentId: string): Known | null {
    return this.#byDeployment.get(deploymentId) ?? null;
  }

  /** `known`: what its instance was asked with. */
  learn(deploymentId: string, { digest, policy }: Pick<EgressState, "digest" | "policy">, known: Known | null): Known {
    if (known !== null && known.digest === digest) return known;
    if (policy === null) throw new Error("an instance gave no policy to somebody who has none");
    const learnt = this.#byDigest.get(digest) ?? { digest, policy, compiled: compilePolicy(policy) };
    if (this.#byDeployment.size >= MOST || this.#byDigest.size >= MOST) {
      this.#byDeployment.clear();
      this.#byDigest.clear();
    }
    this.#byDigest.set(digest, learnt);
    this.#byDeployment.set(deploymentId, learnt);
    return learnt;
  }
}
