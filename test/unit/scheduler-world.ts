/** A real scheduler on a real database, with a clock, places, capacity and instances that do as a test says. */
import { applyCreate } from "../../src/orchestrator/commands.ts";
import { DeploymentStore } from "../../src/orchestrator/deployment-store.ts";
import { listEvents } from "../../src/orchestrator/events.ts";
import type { InstanceAction } from "../../src/orchestrator/instance-actions.ts";
import { decideAction } from "../../src/orchestrator/instance-actions.ts";
import { toLaunchSpec } from "../../src/orchestrator/launch-spec.ts";
import { Outbox } from "../../src/orchestrator/outbox.ts";
import type { Report } from "../../src/orchestrator/plan/observe.ts";
import { PASS_TIMER, Scheduler } from "../../src/orchestrator/scheduler.ts";
import type { InstanceAnswer, LaunchOrder, SchedulerDeps } from "../../src/orchestrator/scheduler-deps.ts";
import {
  getVersion,
  insertVersion,
  readApplication,
  writeApplication,
  type ApplicationKind,
  type ApplicationRow,
  type ApplicationSpec,
} from "../../src/orchestrator/storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "../../src/orchestrator/storage/schema.ts";
import type { StoredConfiguration } from "../../src/orchestrator/configurations.ts";
import type { Database } from "../../src/database.ts";
import { migrate } from "../../src/migrations.ts";
import { Timers } from "../../src/timers.ts";
import { memoryDatabase } from "./sqlite-storage.ts";

export const START = 1_000_000;
const SPEC = { instances: 1, maxInstances: null, ingress: "private", checkEveryMs: 60_000 } as const;

export const READY: Report = { state: "running", ready: true };
export const ended = (
  reason: string,
  kind: "lost" | "exited" | "stopped" | "refused" | "unavailable" = "lost",
): Report => ({
  state: "ended",
  outcome: { kind, exitCode: null, reason },
});

export interface WorldOptions {
  readonly spec?: Partial<ApplicationSpec>;
  readonly configuration?: Partial<StoredConfiguration>;
  readonly kind?: ApplicationKind;
  /** What the row has beside what a create makes. */
  readonly row?: Partial<ApplicationRow>;
  readonly deps?: Partial<SchedulerDeps>;
  /** Each is asked with the generation; absent: it runs and is ready, and a stop ends it at once. */
  readonly launch?: (order: LaunchOrder) => Promise<InstanceAnswer> | InstanceAnswer;
  readonly stop?: (id: string, generation: number) => Promise<InstanceAnswer> | InstanceAnswer;
  readonly check?: (id: string, generation: number) => Promise<InstanceAnswer> | InstanceAnswer;
  readonly release?: (id: string) => Promise<void>;
  /** Absent: nobody is ever asked for having been silent. */
  readonly silentAfterMs?: number;
}

function database({ spec, configuration, kind, row }: WorldOptions): Database {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
  applyCreate(
    db,
    {
      id: "a",
      accountId: "c",
      name: "web",
      ...(kind === undefined ? {} : { kind }),
      spec: { ...SPEC, ...spec },
      configuration: { image: "app", ...configuration },
      revision: "r1",
    },
    "",
    START,
  );
  const created = readApplication(db);
  if (created !== undefined && row !== undefined) writeApplication(db, { ...created, ...row });
  return db;
}

/** What is said and answered at once is over. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

export function schedulerWorld(options: WorldOptions = {}) {
  const db = database(options);
  const at = { now: START };
  const deployments = new DeploymentStore(db);
  const timers = new Timers(db, { setAlarm: () => undefined, deleteAlarm: () => undefined });
  const said: (readonly ["launch" | "stop" | "forbid" | "check" | "release", string, ...unknown[]])[] = [];
  const orders: LaunchOrder[] = [];
  const count = { routing: 0, deleted: 0, passed: 0, ids: 0 };
  const stopped: Report = ended("Unknown", "stopped");
  const outbox = new Outbox({
    clock: () => at.now,
    silentAfterMs: () => options.silentAfterMs ?? Number.POSITIVE_INFINITY,
    onSettled: () => scheduler.pass(),
  });
  const scheduler: Scheduler = new Scheduler({
    db,
    timers,
    deployments,
    outbox,
    clock: () => at.now,
    newDeploymentId: () => {
      count.ids += 1;
      return `d${count.ids}`;
    },
    version: (number) => {
      const version = getVersion(db, number);
      if (version === undefined) throw new Error(`no version ${number}`);
      return { version, spec: toLaunchSpec(version.configuration) };
    },
    instances: {
      launch: async (order) => {
        said.push(["launch", order.deploymentId, order.generation]);
        orders.push(order);
        const { generation } = order;
        return (await options.launch?.(order)) ?? { generation, report: READY };
      },
      stop: async (id, generation, reason, ...signal) => {
        said.push(["stop", id, generation, reason, ...signal.filter((number) => number !== undefined)]);
        return (await options.stop?.(id, generation)) ?? { generation, report: stopped };
      },
      forbid: async (id, generation, reason) => {
        said.push(["forbid", id, generation, reason]);
        return (await options.stop?.(id, generation)) ?? { generation, report: stopped };
      },
      check: async (id, generation) => {
        said.push(["check", id, generation]);
        return (await options.check?.(id, generation)) ?? { generation, report: READY };
      },
      release: async (id) => {
        said.push(["release", id]);
        await options.release?.(id);
      },
    },
    onRoutingChanged: () => (count.routing += 1),
    onDeleted: () => (count.deleted += 1),
    onPassed: () => (count.passed += 1),
    ...options.deps,
  });
  const row = (): ApplicationRow => {
    const stored = readApplication(db);
    if (stored === undefined) throw new Error("no application");
    return stored;
  };
  let heardOf = listEvents(db, 0, 1_000, {}).newest;
  return {
    db,
    at,
    scheduler,
    deployments,
    outbox,
    timers,
    orders,
    count,
    row,
    settle,
    /** A pass, and all that is said because of it. */
    pass: async () => {
      scheduler.pass();
      await settle();
    },
    change: (part: Partial<ApplicationRow>) => writeApplication(db, { ...row(), ...part }),
    store: (version: number, configuration: StoredConfiguration, revision: string) =>
      insertVersion(db, { version, configuration, revision, createdAt: at.now }),
    get: (id: string) => {
      const deployment = deployments.get(id);
      if (deployment === undefined) throw new Error(`no deployment ${id}`);
      return deployment;
    },
    all: () =>
      Object.fromEntries(deployments.all().map(({ id, phase, ready, version }) => [id, [phase, ready, version]])),
    act: (id: string, action: InstanceAction) => {
      const deployment = deployments.get(id);
      if (deployment === undefined) throw new Error(`no deployment ${id}`);
      const context = { actor: "ann", name: "web-0", kind: row().kind };
      const decision = decideAction(deployment, action, context, at.now);
      if (decision.type === "refused") throw new Error(decision.message);
      return scheduler.act(deployment, decision);
    },
    wakeAt: () => timers.dueAt(PASS_TIMER),
    /** What was said to instances since it was last looked at. */
    said: () => said.splice(0),
    /** Names of the events since they were last looked at. */
    events: () => {
      const { events, newest } = listEvents(db, heardOf, 1_000, {});
      heardOf = newest;
      return events.map(({ name, message, deployment, details }) => ({ name, message, deployment, details }));
    },
  };
}
