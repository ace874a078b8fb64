/**
 * What a bound Worker changes of what an instance that it calls by name may reach. Changes are the instance's own, so that
 * one that nobody has called yet is made for them.
 */
import { wireRule } from "../api/wire/egress.ts";
import { isChanged, type OverrideChange } from "../egress/policy/overrides.ts";
import { NO_OVERRIDES, NO_POLICY } from "../egress/policy/policy.ts";
import type { InstanceRouting } from "../orchestrator/instance-routing.ts";
import { isLeaving } from "../orchestrator/plan/deployment.ts";
import type { ApplicationView, InstanceView } from "../orchestrator/views.ts";
import type { Waited } from "../orchestrator/waits.ts";
import { applicationStub, instanceStub } from "../stubs.ts";
import type { Verified } from "./egress-proof.ts";
import type { EgressView } from "./egress-state.ts";
import { BINDING, findForNamed } from "./named-control.ts";

type NamedRule =
  | string
  | { readonly host: string; readonly ports?: readonly number[]; readonly methods?: readonly string[] };

export interface NamedEgress {
  readonly default: "deny" | "allow";
  /** Null: there is no list. */
  readonly allowed: readonly NamedRule[] | null;
  readonly denied: readonly NamedRule[];
  readonly changed: boolean;
  readonly verified: Verified | null;
}

/** Starts nothing: of one that is not there it is what its application says. */
export async function egressOfNamed(env: Env, application: string, name: string): Promise<NamedEgress> {
  const { id } = await findForNamed(env, application, name);
  const deploymentId = await deploymentOf(env, id, name);
  if (deploymentId === null) return await ofApplication(env, id);
  const view: EgressView = await instanceStub(env, deploymentId).egressView();
  return shown(view);
}

export async function changeEgressOfNamed(
  env: Env,
  application: string,
  name: string,
  change: OverrideChange,
  waitMs: number,
): Promise<NamedEgress> {
  const { id } = await findForNamed(env, application, name);
  const there = await deploymentOf(env, id, name);
  const deploymentId = there ?? (await started(env, id, name, waitMs));
  const view: EgressView = await instanceStub(env, deploymentId).changeEgress(change);
  if (there !== null || !view.isBehind) return shown(view);
  // It was started for this, before anybody could say what it may reach.
  await applicationStub(env, id).act(name, "restart", BINDING);
  await started(env, id, name, waitMs);
  const restarted: EgressView = await instanceStub(env, deploymentId).egressView();
  return shown(restarted);
}

/** Starts nothing: of one that is not there nothing was changed. */
export async function resetEgressOfNamed(env: Env, application: string, name: string): Promise<NamedEgress> {
  const { id } = await findForNamed(env, application, name);
  const deploymentId = await deploymentOf(env, id, name);
  if (deploymentId === null) return await ofApplication(env, id);
  const view: EgressView = await instanceStub(env, deploymentId).resetEgress();
  return shown(view);
}

/** Null where there is none, or where it is on its way out: the next of that name is another one. */
async function deploymentOf(env: Env, applicationId: string, name: string): Promise<string | null> {
  const { view }: Waited<InstanceView> = await applicationStub(env, applicationId).waitForInstance(name, "running", 0);
  return view === null || isLeaving(view.deployment) ? null : view.deployment.id;
}

async function started(env: Env, applicationId: string, name: string, waitMs: number): Promise<string> {
  const { instance }: InstanceRouting = await applicationStub(env, applicationId).callInstance(name, waitMs);
  if (instance === null) throw new Error("what was called is there");
  return instance.member.deploymentId;
}

async function ofApplication(env: Env, applicationId: string): Promise<NamedEgress> {
  const view: ApplicationView | null = await applicationStub(env, applicationId).view();
  return shown({ policy: view?.row.spec.egress ?? NO_POLICY, overrides: NO_OVERRIDES, verified: null });
}

function shown({ policy, overrides, verified }: Pick<EgressView, "policy" | "overrides" | "verified">): NamedEgress {
  return {
    default: policy.default,
    allowed: policy.allow?.map(wireRule) ?? null,
    denied: policy.deny.map(wireRule),
    changed: isChanged(overrides),
    verified,
  };
}
