/**
 * Placements: the lifetimes of containers in a deployment. Only the current one has a row; the others are what the kept
 * events tell. Pure.
 */
import type { StoredEvent } from "./events.ts";
import { isLive, type Deployment } from "./plan/deployment.ts";
import { stopTimeline } from "./stop-timeline.ts";

export interface PlacementEvent extends StoredEvent {
  /** It has no row of its own: the event of this `id` implies it. Numbered from 1. */
  readonly implied?: number;
}

export interface PlacementView {
  readonly deploymentId: string;
  readonly generation: number;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Cloudflare's word: `placed`, `running`, `unhealthy`, `stopping`, `stopped`, `failed`. */
  readonly health: string;
  readonly ready: boolean;
  readonly isTerminating: boolean;
  readonly events: readonly PlacementEvent[];
}

const ID = /^(.+)\.(\d{1,9})$/;

export function placementId(deploymentId: string, generation: number): string {
  return `${deploymentId}.${generation}`;
}

export function parsePlacementId(id: string): { readonly deploymentId: string; readonly generation: number } | null {
  const [, deploymentId, generation] = ID.exec(id) ?? [];
  return deploymentId === undefined ? null : { deploymentId, generation: Number(generation) };
}

/** Newest first. `events` are those of the deployment, oldest first; `current` is its row while it has one. */
export function placementsOf(
  deploymentId: string,
  current: Deployment | undefined,
  events: readonly StoredEvent[],
): PlacementView[] {
  const byGeneration = new Map<number, StoredEvent[]>();
  for (const event of events) {
    if (event.deployment !== deploymentId || event.generation === undefined) continue;
    const known = byGeneration.get(event.generation) ?? [];
    byGeneration.set(event.generation, [...known, event]);
  }
  const past = [...byGeneration]
    .filter(([generation]) => generation !== current?.generation)
    .map(([generation, own]) => pastPlacement(deploymentId, generation, own));
  const own = current === undefined ? [] : [currentPlacement(current, byGeneration.get(current.generation) ?? [])];
  return [...own, ...past].toSorted((a, b) => b.generation - a.generation);
}

/** As its row says, which is newer than any event that was dropped. */
export function currentPlacement(deployment: Deployment, events: readonly StoredEvent[] = []): PlacementView {
  const { id, generation, version, since, ready, phase } = deployment;
  const placed = events.find(({ name }) => name === "SchedulerPlaced");
  return {
    deploymentId: id,
    generation,
    version,
    createdAt: placed?.time ?? since,
    updatedAt: Math.max(since, events.at(-1)?.time ?? since),
    health: healthOf(deployment),
    ready,
    isTerminating: phase === "stopping",
    events: events.flatMap(withImplied),
  };
}

function pastPlacement(deploymentId: string, generation: number, events: readonly StoredEvent[]): PlacementView {
  const [first, last] = [events[0], events.at(-1)];
  const version = events.find(({ name }) => name === "SchedulerPlaced")?.details?.["version"];
  const said = events.findLast(({ statusChange }) => statusChange !== undefined)?.statusChange?.health;
  return {
    deploymentId,
    generation,
    version: typeof version === "number" ? version : 0,
    createdAt: first?.time ?? 0,
    updatedAt: last?.time ?? 0,
    // It has ended, whatever the last thing was that was seen of it.
    health: said === "failed" ? "failed" : "stopped",
    ready: false,
    isTerminating: false,
    events: events.flatMap(withImplied),
  };
}

function healthOf({ phase, ready, readyAt, last }: Deployment): string {
  if (phase === "starting") return "placed";
  if (phase === "stopping") return "stopping";
  if (phase === "pending") return last === null || last.kind === "stopped" ? "stopped" : "failed";
  return ready || readyAt === null ? "running" : "unhealthy";
}

/** A container that runs had its image and its machine: clients wait for these events by name. */
const STARTED = [
  { name: "ImagePulled", message: "the image is there" },
  { name: "VMStarted", message: "the machine runs" },
] as const;

/** The steps before it that one event tells of: of a start, and of a stop. */
function withImplied(event: StoredEvent): PlacementEvent[] {
  const { statusChange: _, details, ...fact } = event;
  const steps = event.name === "ContainerStarted" ? STARTED : stopTimeline(details);
  return [...steps.map((step, index) => ({ ...fact, ...step, implied: index + 1 })), event];
}

export function isPlaced(deployment: Deployment): boolean {
  return isLive(deployment) || deployment.phase === "stopping";
}
