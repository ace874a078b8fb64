/**
 * A request of a container to a host: what its instance says of it, the decision, and whoever answers. The decision is made
 * on the request's URL and method, anew for each request, so that redirects, which the container follows itself, are
 * decided on like any other.
 */
import type { Workload } from "../bridge/workload.ts";
import type { EgressState } from "../containers/egress-state.ts";
import { ERROR_HEADER } from "../containers/refusal.ts";
import { GantryError } from "../errors.ts";
import { instanceStub, schedulerStub } from "../stubs.ts";
import { serveBinding } from "./bindings/serve.ts";
import { Gatherer } from "./gatherer.ts";
import { DO_HOST, KV_HOST, R2_HOST, REGISTRY_HOST } from "./hosts.ts";
import { callInternal } from "./internal/call.ts";
import { internalTarget } from "./internal/target.ts";
import { CompiledPolicies } from "./policies.ts";
import type { Decision } from "./policy/decision.ts";
import { evaluate } from "./policy/evaluate.ts";
import { explainDenial } from "./policy/explain.ts";
import { isProof, proofOf } from "./proof.ts";
import { serveImages } from "./registry.ts";
import { NO_USAGE } from "./told.ts";
import { answerUpstream, type Allowed } from "./upstream/answer.ts";

const BINDING_HOSTS: ReadonlySet<string> = new Set([R2_HOST, KV_HOST, DO_HOST]);

/** Of what is inside. */
const DENIALS: ReadonlySet<string> = new Set(["EGRESS_DENIED", "BINDING_NOT_GRANTED"]);

const policies = new CompiledPolicies();

export async function serveEgress(
  request: Request,
  workload: Workload,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const { deploymentId, generation, applicationId } = workload;
  const url = URL.parse(request.url);
  if (url !== null && isProof(url)) return new Response(`${proofOf(workload)}\n`);
  // For each request, since what it may reach may have changed since the last one.
  const before = policies.latestOf(deploymentId);
  const state: EgressState = await instanceStub(env, deploymentId).egress(generation, before?.digest ?? null);
  const { policy, compiled } = policies.learn(deploymentId, state, before);
  const { accountId, application, instance, name } = state;
  const caller = { accountId, applicationId, application, instance, name, generation };
  const gatherer = gathererOf(env);
  const { method } = request;
  const told = (answer: Response, host: string, rule: "internal" | "bindings" | "registry"): Response => {
    const isDenied = DENIALS.has(answer.headers.get(ERROR_HEADER) ?? "");
    const denial = { host, method, rule, reason: "not_allowed" } as const;
    const usage = { ...NO_USAGE, requests: 1 };
    ctx.waitUntil(isDenied ? gatherer.denied(workload, denial) : gatherer.used(workload, usage));
    return answer;
  };
  const inside = url === null ? "" : hostOf(url);
  if (BINDING_HOSTS.has(inside)) {
    return told(await serveBinding(request, caller, policy.bindings, env), inside, "bindings");
  }
  if (inside === REGISTRY_HOST) {
    return told(await serveImages(request, caller, policy.registry ?? [], env, ctx), inside, "registry");
  }
  const target = url === null ? null : internalTarget(url, env);
  if (target !== null) {
    return told(await callInternal(request, target, caller, policy.internal, env, ctx), inside, "internal");
  }
  const decide = (asked: Request): Allowed => {
    const decision = evaluate(compiled, { url: asked.url, method: asked.method });
    if (decision.allowed) return decision;
    const { host, rule, reason } = decision;
    ctx.waitUntil(gatherer.denied(workload, { host, method: asked.method, rule, reason }));
    throw denied(asked.method, decision, state);
  };
  return await answerUpstream(request, decide(request), {
    env,
    accountId,
    caller: { application, instance, name, generation },
    decide,
    onUsed: (usage) => ctx.waitUntil(usage.then((amounts) => gatherer.used(workload, amounts))),
  });
}

function denied(method: string, { host, reason, rule }: Extract<Decision, { allowed: false }>, state: EgressState) {
  const { application, instance } = state;
  const message = `${method} to ${host} was denied: ${explainDenial(reason, rule)}`;
  return new GantryError("EGRESS_DENIED", message, { host, rule, reason, application, instance });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/\.$/, "");
}

let gatherers: { readonly env: Env; readonly gatherer: Gatherer } | null = null;

function gathererOf(env: Env): Gatherer {
  if (gatherers?.env !== env) {
    const gatherer = new Gatherer(async ({ applicationId, deploymentId, generation }, told) => {
      await schedulerStub(env, applicationId, deploymentId).egressTold(deploymentId, generation, told);
    }, Date.now);
    gatherers = { env, gatherer };
  }
  return gatherers.gatherer;
}
