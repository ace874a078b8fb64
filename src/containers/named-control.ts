/** What a bound Worker does with an instance that it calls by name, beside calling it. */
import { startChosen } from "../api/instance-start.ts";
import { OPERATOR } from "../api/scopes.ts";
import { GantryError } from "../errors.ts";
import type { ExecRequest, ExecResult } from "./exec.ts";
import type { InstanceState } from "../orchestrator/health.ts";
import { isCallable } from "../orchestrator/names.ts";
import { isBare, type StartChoice } from "../orchestrator/start/choice.ts";
import type { StoredSnapshot } from "../orchestrator/start/snapshots.ts";
import type { InstanceRouting } from "../orchestrator/instance-routing.ts";
import type { InstanceView } from "../orchestrator/views.ts";
import type { Waited } from "../orchestrator/waits.ts";
import { sleep } from "../sleep.ts";
import { accountStub, applicationStub, instanceStub } from "../stubs.ts";

/** Between a container that is gone and its application's hearing of it. */
const AGAIN_MS = 50;

/** Who acts, in events. */
export const BINDING = "binding";

export interface NamedSnapshot {
  readonly id: string;
  /** Bytes, as the platform says. */
  readonly size: number;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface NamedState {
  readonly name: string;
  /** `absent`: nobody has called it yet, or it was destroyed. */
  readonly state: InstanceState | "absent";
  readonly ready: boolean;
  /** Why it is as it is, where that is known: the end of its last container. */
  readonly reason: string | null;
  readonly exitCode: number | null;
  readonly generation: number;
  readonly version: number;
  /** When it came to this state, in milliseconds since 1970; 0 when it is absent. */
  readonly since: number;
  /** Public id; null when it is absent. */
  readonly instance: string | null;
}

export async function startNamed(
  env: Env,
  ctx: ExecutionContext,
  application: string,
  name: string,
  choice: StartChoice,
  waitMs: number,
): Promise<NamedState> {
  const { id } = await findForNamed(env, application, name);
  if (isBare(choice)) await applicationStub(env, id).callInstance(name, waitMs);
  else {
    const context = { env, ctx, accountId: env.GANTRY_ACCOUNT_ID, actor: OPERATOR };
    const request = { key: name, choice, waitMs, until: "ready", actor: BINDING, isAction: false } as const;
    await startChosen(context, id, request, null);
  }
  return await stateIn(env, id, name);
}

export async function sleepNamed(
  env: Env,
  application: string,
  name: string,
  signal: number | undefined,
): Promise<NamedState> {
  const { id } = await findForNamed(env, application, name);
  const view: InstanceView | null = await applicationStub(env, id).act(name, "sleep", BINDING, null, signal);
  return view === null ? absent(name) : stateOf(view);
}

export async function destroyNamed(env: Env, application: string, name: string): Promise<void> {
  const { id } = await findForNamed(env, application, name);
  await applicationStub(env, id).act(name, "destroy", BINDING);
}

export async function snapshotNamed(
  env: Env,
  application: string,
  name: string,
  snapshot: string,
): Promise<NamedSnapshot> {
  const { id } = await findForNamed(env, application, name);
  const taken: StoredSnapshot = await applicationStub(env, id).snapshot(name, snapshot);
  return shown(taken);
}

/** Newest first. */
export async function snapshotsOfNamed(env: Env, application: string, name: string): Promise<NamedSnapshot[]> {
  const { id } = await findForNamed(env, application, name);
  const kept: readonly StoredSnapshot[] = await applicationStub(env, id).snapshots(name);
  return kept.map(shown);
}

/** Forgets the name; the platform drops what nobody starts from, in its own time. */
export async function deleteSnapshotOfNamed(
  env: Env,
  application: string,
  name: string,
  snapshot: string,
): Promise<void> {
  const { id } = await findForNamed(env, application, name);
  await applicationStub(env, id).deleteSnapshot(name, snapshot);
}

function shown({ id, size, name, createdAt }: StoredSnapshot): NamedSnapshot {
  return { id, size, name, createdAt };
}

export async function stateOfNamed(env: Env, application: string, name: string): Promise<NamedState> {
  const { id } = await findForNamed(env, application, name);
  return await stateIn(env, id, name);
}

/** A container that takes no requests when the command comes is waited for once more; no command runs twice. */
export async function execNamed(
  env: Env,
  application: string,
  name: string,
  request: ExecRequest,
  waitMs: number,
): Promise<ExecResult> {
  const { id } = await findForNamed(env, application, name);
  const deadline = Date.now() + waitMs;
  for (;;) {
    const leftMs = Math.max(0, deadline - Date.now());
    const { instance }: InstanceRouting = await applicationStub(env, id).callInstance(name, leftMs);
    if (instance === null) throw new Error("what was called is there");
    const result: ExecResult | null = await instanceStub(env, instance.member.deploymentId).exec(request);
    if (result !== null) return result;
    await sleep(AGAIN_MS);
  }
}

export async function renewNamed(env: Env, application: string, name: string): Promise<void> {
  const { id } = await findForNamed(env, application, name);
  const routing: InstanceRouting | null = await applicationStub(env, id).instanceRouting(name);
  if (routing?.instance != null) await instanceStub(env, routing.instance.member.deploymentId).renew();
}

/** Throws for a name that no instance is called by. */
export async function findForNamed(env: Env, application: string, name: string): Promise<{ id: string }> {
  const entry = await accountStub(env, env.GANTRY_ACCOUNT_ID).findApplication(application.slice(0, 100));
  if (entry === null) {
    throw new GantryError("APPLICATION_NOT_FOUND", `there is no application ${application.slice(0, 100)}`, {});
  }
  if (isCallable(entry.name, name)) return { id: entry.id };
  const reason = "must be 1 to 128 visible ASCII characters, and no name or id that another instance has";
  throw new GantryError("VALIDATE_INPUT", `name ${reason}`, { name: reason });
}

async function stateIn(env: Env, applicationId: string, name: string): Promise<NamedState> {
  const { view }: Waited<InstanceView> = await applicationStub(env, applicationId).waitForInstance(name, "running", 0);
  return view === null ? absent(name) : stateOf(view);
}

function stateOf({ name, instanceId, state, deployment }: InstanceView): NamedState {
  const { ready, last, phase, generation, version, since } = deployment;
  const ended = phase === "pending" ? last : null;
  return {
    name,
    state,
    ready,
    reason: ended?.reason ?? deployment.stopReason,
    exitCode: ended?.exitCode ?? null,
    generation,
    version,
    since,
    instance: instanceId,
  };
}

function absent(name: string): NamedState {
  const nothing = { ready: false, reason: null, exitCode: null, generation: 0, version: 0, since: 0, instance: null };
  return { name, state: "absent", ...nothing };
}
