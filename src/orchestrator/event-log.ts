/** An application's events as lines of the Worker's own log: what `observability.logs.enabled` asks for. */
import type { EventDraft } from "./events.ts";
import type { Deployment } from "./plan/deployment.ts";
import { nameOf } from "./names.ts";
import type { ApplicationRow, Version } from "./storage/application-row.ts";

/** The application's own setting stands above its configuration's. */
export function isLogged({ spec }: ApplicationRow, { configuration }: Version): boolean {
  return spec.logs ?? configuration.observability?.logs.enabled ?? false;
}

export function logEvents(
  { name, id, activeVersion }: ApplicationRow,
  drafts: readonly EventDraft[],
  deploymentOf: (id: string) => Deployment | undefined,
): void {
  for (const { deployment, generation, type, name: event, message: text } of drafts) {
    const own = deployment === undefined ? undefined : deploymentOf(deployment);
    console.log({
      message: "application.event",
      application: name,
      application_id: id,
      version: own?.version ?? activeVersion,
      ...(own === undefined ? {} : { instance: nameOf(name, own) }),
      ...(deployment === undefined ? {} : { deployment, generation }),
      type,
      event,
      text,
    });
  }
}
