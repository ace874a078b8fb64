/** Events in Cloudflare's field names. */
import type { StoredEvent } from "../../orchestrator/events.ts";
import { iso } from "../../iso.ts";

export function wireEvent(event: StoredEvent) {
  return {
    id: String(event.id),
    time: iso(event.time),
    type: event.type,
    name: event.name,
    message: event.message,
    details: event.details ?? {},
    statusChange: event.statusChange ?? {},
    ...(event.deployment === undefined ? {} : { deployment_id: event.deployment, generation: event.generation }),
  };
}
