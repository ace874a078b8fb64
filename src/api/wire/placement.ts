/** Placements in Cloudflare's field names. */
import { placementId, type PlacementEvent, type PlacementView } from "../../orchestrator/placements.ts";
import { wireEvent } from "./event.ts";
import { iso } from "../../iso.ts";

export interface OwnAddresses {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

export function wirePlacement(placement: PlacementView, { ipv4, ipv6 }: OwnAddresses = {}) {
  const { deploymentId, generation, version, createdAt, updatedAt, health, ready, isTerminating } = placement;
  return {
    id: placementId(deploymentId, generation),
    created_at: iso(createdAt),
    deployment_id: deploymentId,
    // Counted from 0, as the deployment's own.
    deployment_version: Math.max(0, version - 1),
    terminate: isTerminating,
    last_update: iso(updatedAt),
    status: {
      health,
      container_status: health,
      ready,
      ...(ipv4 === undefined ? {} : { ipv4Address: ipv4 }),
      ...(ipv6 === undefined ? {} : { ipv6Address: ipv6 }),
    },
  };
}

export function wirePlacementWithEvents(placement: PlacementView, addresses: OwnAddresses = {}) {
  return { ...wirePlacement(placement, addresses), events: placement.events.map(wirePlacementEvent) };
}

/** An implied event has no number of its own: it is part of the one that implies it. */
function wirePlacementEvent({ implied, ...event }: PlacementEvent) {
  const wire = wireEvent(event);
  return implied === undefined ? wire : { ...wire, id: `${event.id}.${implied}` };
}
