/** An application's hooks, wired to its events, its deployments and the Workers that the control plane is bound to. */
import { serviceBinding } from "../../bindings.ts";
import { iso } from "../../iso.ts";
import { withTimeout } from "../../with-timeout.ts";
import { onAppended, type EventDraft } from "../events.ts";
import type { DeploymentStore } from "../deployment-store.ts";
import type { LaunchSpec } from "../launch-spec.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { hookEventsOf, isOfContainer, type HookEvent } from "./hook-events.ts";
import { HookOutbox, type HookOutboxDeps } from "./hook-outbox.ts";

/** A hook that has not returned by then is called again. */
const HEARD_WITHIN_MS = 30_000;

export interface ApplicationHooksDeps extends Pick<HookOutboxDeps, "db" | "timers" | "background" | "onDrained"> {
  readonly env: Env;
  readonly row: () => ApplicationRow | undefined;
  readonly deployments: DeploymentStore;
  readonly spec: (version: number) => LaunchSpec;
  readonly publicId: (deploymentId: string) => string;
  /** What is appended now another object has told, which says it itself. */
  readonly isForwarding: () => boolean;
}

export function applicationHooks(deps: ApplicationHooksDeps): HookOutbox {
  const { db, timers, env, row, background, onDrained } = deps;
  const outbox = new HookOutbox({
    db,
    timers,
    clock: Date.now,
    binding: () => {
      const application = row();
      return application === undefined ? undefined : (application.spec.hooks?.binding ?? null);
    },
    deliver: (binding, event) => deliver(env, binding, event),
    background,
    onDrained,
  });
  onAppended(db, (drafts) => {
    const application = row();
    if (application?.spec.hooks == null || deps.isForwarding()) return;
    for (const draft of drafts) {
      if (isOfContainer(draft)) outbox.intend(draft.deployment, eventsOf(deps, application.name, draft));
    }
  });
  return outbox;
}

function eventsOf(
  { deployments, spec, publicId }: ApplicationHooksDeps,
  application: string,
  draft: EventDraft & { readonly deployment: string; readonly generation: number },
): HookEvent[] {
  const deployment = deployments.get(draft.deployment);
  if (deployment === undefined) return [];
  return hookEventsOf(draft, {
    application,
    instance: publicId(deployment.id),
    name: deployment.name ?? null,
    at: iso(Date.now()),
    hardTimeoutMs: spec(deployment.version).hardTimeoutMs ?? 0,
  });
}

async function deliver(env: Env, binding: string, event: HookEvent): Promise<void> {
  const target = serviceBinding(env, binding);
  if (target === null) throw new Error(`the control plane has no service binding ${binding} any more`);
  // A stub takes any method's name; whether there is such a method is seen when it is called.
  const callable = target as unknown as { containerEvent(event: HookEvent): Promise<unknown> };
  await withTimeout(Promise.resolve(callable.containerEvent(event)), HEARD_WITHIN_MS);
}
