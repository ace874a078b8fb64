/** What one application tells the metrics: read from memory and one row, never written for. */
import type { Usage } from "../egress/told.ts";
import type { EventTotals } from "../orchestrator/event-totals.ts";
import type { HealthCounts } from "../orchestrator/health.ts";
import type { ApplicationView, InstanceView } from "../orchestrator/views.ts";
import { wantedOf } from "../orchestrator/warm.ts";

export interface InstanceSample {
  readonly name: string;
  readonly deployment: string;
  readonly version: number;
  readonly ready: boolean;
  readonly labels: readonly { readonly name: string; readonly value: string }[];
}

/** Counts since the object came into memory, beside totals that last. */
export interface ObjectCosts {
  readonly rowsWritten: number;
  readonly alarmsSet: number;
}

export interface ApplicationSample {
  readonly kind: string;
  readonly desired: number;
  readonly health: HealthCounts;
  readonly generation: number;
  readonly observedGeneration: number;
  readonly version: number;
  readonly instances: readonly InstanceSample[];
  readonly totals: EventTotals;
  /** What its containers have asked the outside for. */
  readonly egress: Usage;
  readonly costs: ObjectCosts;
}

export function applicationSample(
  { row, health }: ApplicationView,
  instances: readonly InstanceView[],
  totals: EventTotals,
  egress: Usage,
  costs: ObjectCosts,
): ApplicationSample {
  return {
    kind: row.kind,
    desired: wantedOf(row.spec),
    health,
    generation: row.generation,
    observedGeneration: row.observedGeneration,
    version: row.activeVersion,
    instances: instances.map(({ name, deployment, configuration }) => ({
      name,
      deployment: deployment.id,
      version: deployment.version,
      ready: deployment.ready,
      labels: configuration.labels ?? [],
    })),
    totals,
    egress,
    costs,
  };
}
