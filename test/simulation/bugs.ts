/** For the tests of the invariants: a quiet world, and one thing that is wrong in the code under test. */
import type { SchedulerDeps } from "../../src/orchestrator/scheduler-deps.ts";
import type { LifecycleDeps } from "../../src/containers/lifecycle.ts";
import type { DeploymentStore } from "../../src/orchestrator/deployment-store.ts";
import type { Deployment } from "../../src/orchestrator/plan/deployment.ts";
import type { Report } from "../../src/orchestrator/plan/observe.ts";
import { noFaults, type Faults } from "./scheduler/faults.ts";
import { NO_ROLLOUTS } from "./scheduler/rollouts/deeds.ts";
import type { Deed, Scenario } from "./scheduler/scenario.ts";
import type { Tampering } from "./scheduler/world.ts";

export interface Bug {
  /** What is broken, and the rule that says so. */
  readonly name: string;
  readonly breaks: string;
  readonly scenario?: Partial<Omit<Scenario, "faults">>;
  readonly faults?: Partial<Faults>;
  readonly deeds?: readonly Deed[];
  readonly tampering: Tampering;
}

/** A quiet world: three instances that work, for two minutes. */
export function scenarioOf({ scenario, faults, deeds }: Pick<Bug, "scenario" | "faults" | "deeds">): Scenario {
  return {
    seed: 1,
    kind: "application",
    instances: 3,
    warm: 0,
    named: 0,
    jobs: 0,
    autoscaling: null,
    rollouts: NO_ROLLOUTS,
    configurations: { one: 1, two: 1 },
    limit: null,
    chaosMs: 120_000,
    ...scenario,
    faults: { ...noFaults(), ...faults },
    deeds: [...(deeds ?? [])],
  };
}

/** An object with some of its methods replaced. */
export function patched<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key) => {
      if (key in own) return Reflect.get(own, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export const store = (own: (store: DeploymentStore) => Partial<DeploymentStore>): Tampering => ({
  scheduler: (deps) => ({ ...deps, deployments: patched(deps.deployments, own(deps.deployments)) }),
});
export const written = (change: (next: Deployment) => Deployment): Tampering =>
  store((rows) => ({ put: (next) => rows.put(change(next)) }));
export const scheduler = (own: (deps: SchedulerDeps) => Partial<SchedulerDeps>): Tampering => ({
  scheduler: (deps) => ({ ...deps, ...own(deps) }),
});
export const reported = (change: (report: Report) => Report): Tampering => ({
  lifecycle: (deps) => ({ ...deps, report: (record, report) => deps.report(record, change(report)) }),
});
export const lifecycle = (own: (deps: LifecycleDeps) => Partial<LifecycleDeps>): Tampering => ({
  lifecycle: (deps) => ({ ...deps, ...own(deps) }),
});
