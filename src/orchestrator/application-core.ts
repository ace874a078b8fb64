/**
 * What the Application object holds in memory, and how its parts are wired: storage, clock, alarm and stubs into the pure
 * planner. The object itself is the methods that others call.
 */
import { Database } from "../database.ts";
import { describeError, GantryError } from "../errors.ts";
import { migrate } from "../migrations.ts";
import { accountStub, publicInstanceId } from "../stubs.ts";
import { Timers } from "../timers.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { ApplicationCapacity } from "./capacity/application-capacity.ts";
import { newDeploymentId } from "./deployment-id.ts";
import { KnownVersions, type KnownVersion } from "./known-versions.ts";
import { DeploymentStore } from "./deployment-store.ts";
import { EgressLog } from "./egress/egress-log.ts";
import { ApplicationViews } from "./application-views.ts";
import { EventSockets } from "./event-socket.ts";
import { isLogged, logEvents } from "./event-log.ts";
import { onAppended } from "./events.ts";
import type { EventDraft } from "./events.ts";
import { applicationHooks } from "./hooks/application-hooks.ts";
import type { HookOutbox } from "./hooks/hook-outbox.ts";
import { applicationBatch } from "../jobs/application-batch.ts";
import type { JobControl } from "../jobs/job-control.ts";
import type { ScheduleControl } from "../jobs/schedules/schedule-control.ts";
import type { TaskControl } from "../jobs/tasks/task-control.ts";
import type { TaskRunner } from "../jobs/tasks/task-runner.ts";
import { sizeOf } from "./launch-spec.ts";
import { ApplicationLaunches } from "./prepare/application-launches.ts";
import { ApplicationImages } from "./prepare/images.ts";
import { instanceClient } from "./prepare/launch.ts";
import { Autoscaler } from "./autoscaling/autoscaler.ts";
import type { ScaleDecision } from "./autoscaling/policy.ts";
import { keepQuiet, quietSince, SCALE_TIMER } from "./autoscaling/quiet.ts";
import { NamedInstances } from "./named-instances.ts";
import { Outbox, SILENT_INTERVALS } from "./outbox.ts";
import { ApplicationPlaces } from "./placement/application-places.ts";
import type { Deployment } from "./plan/deployment.ts";
import { SESSION_ENDED } from "./plan/observe.ts";
import { ReadyWaiters } from "./ready-waiters.ts";
import { Specification } from "./specification.ts";
import { ApplicationRollout } from "./rollouts/application-rollout.ts";
import { Soon } from "./soon.ts";
import { nameOf } from "./names.ts";
import { PASS_TIMER, Scheduler } from "./scheduler.ts";
import { unwatch } from "../jobs/schedules/watch.ts";
import { reserveJob, settleFreedSizes, settleSizes, shortageOf } from "./start/sizes.ts";
import { ApplicationShards } from "./shards/application-shards.ts";
import type { Coordinator } from "./shards/coordinator.ts";
import type { Forwarder } from "./shards/forwarder.ts";
import type { Order } from "./shards/protocol.ts";
import { objectName } from "./shards/sharding.ts";
import { APPLICATION_MIGRATIONS } from "./storage/schema.ts";
import { readApplication, writeApplication, type ApplicationRow } from "./storage/application-row.ts";
import type { ApplicationView, PlannedView } from "./views.ts";

const ERASE_RETRY_MS = 5_000;

export class ApplicationCore {
  readonly #ctx: DurableObjectState;
  readonly #env: Env;
  readonly db: Database;
  readonly timers: Timers;
  readonly deployments: DeploymentStore;
  readonly #outbox: Outbox;
  readonly places: ApplicationPlaces;
  readonly capacity: ApplicationCapacity;
  readonly scheduler: Scheduler;
  readonly eventSockets: EventSockets;
  readonly specification: Specification;
  readonly rollout: ApplicationRollout;
  readonly waiters = new ReadyWaiters();
  readonly changes = new ReadyWaiters();
  readonly named: NamedInstances;
  readonly autoscaler: Autoscaler;
  /** Requests to the pool that nobody can serve. */
  poolWaiters = 0;
  /** What other objects of this application say, where it has several. */
  readonly shards: Coordinator;
  readonly forwarder: Forwarder;
  readonly #sharded: ApplicationShards;
  readonly hooks: HookOutbox;
  readonly jobs: JobControl;
  readonly schedules: ScheduleControl;
  readonly tasks: TaskControl;
  readonly taskRunner: TaskRunner;
  readonly views: ApplicationViews;
  readonly egress: EgressLog;
  readonly images: ApplicationImages;
  readonly #soon = new Soon(() => this.pass());
  readonly #versions: KnownVersions;
  gone = false;

  constructor(ctx: DurableObjectState, env: Env) {
    this.#ctx = ctx;
    this.#env = env;
    this.db = new Database(ctx.storage);
    migrate(this.db, APPLICATION_MIGRATIONS);
    this.#versions = new KnownVersions(this.db);
    this.timers = new Timers(this.db, ctx.storage);
    this.eventSockets = new EventSockets(ctx, this.db);
    this.egress = new EgressLog(this.db, (run, ms) => void setTimeout(run, ms));
    this.deployments = new DeploymentStore(this.db);
    this.rollout = new ApplicationRollout({
      env,
      db: this.db,
      deployments: this.deployments,
      row: () => this.row(),
      shards: () => this.shards,
      revisionOf: (version) => this.version(version).version.revision,
      publicId: this.publicId,
      onMoved: () => {
        this.shards.begin();
        this.#routingChanged();
      },
      pass: () => this.pass(),
      soon: (at) => this.#soon.by(at),
      background: (work) => ctx.waitUntil(work),
    });
    const batch = applicationBatch({
      db: this.db,
      timers: this.timers,
      deployments: this.deployments,
      row: () => this.row(),
      mustRow: () => this.mustRow(),
      configuration: (version) => this.configuration(version),
      reserve: async (job) => await reserveJob(this, env, job),
      settle: (intent) => ctx.waitUntil(settleSizes(this, env, intent)),
      pass: () => this.pass(),
      look: () => this.autoscaler.look(),
      background: (work) => ctx.waitUntil(work),
    });
    ({ jobs: this.jobs, schedules: this.schedules, tasks: this.tasks, taskRunner: this.taskRunner } = batch);
    onAppended(this.db, (drafts) => this.#told(drafts));
    this.#outbox = new Outbox({
      clock: Date.now,
      silentAfterMs: () => SILENT_INTERVALS * (this.row()?.spec.checkEveryMs ?? Number.POSITIVE_INFINITY),
      onSettled: () => this.pass(),
    });
    this.places = new ApplicationPlaces({
      env,
      row: () => this.row(),
      ownLocation: ({ kind, activeVersion }) => {
        return kind === "deployment" ? this.configuration(activeVersion).location : undefined;
      },
      locations: (row) => this.views.summary(row).locations,
      beside: () => this.shards.beside(0),
      onKnown: () => this.pass(),
      onFailed: (retryAt) => this.#wakeBy(retryAt),
    });
    this.capacity = new ApplicationCapacity({
      clock: Date.now,
      row: () => this.row(),
      save: (row) => writeApplication(this.db, row),
      deployments: () => this.deployments.all(),
      sizeOf: (version) => sizeOf(this.configuration(version)),
      state: async (row, statement) => {
        const isPart = row.sharding === undefined ? {} : { isPart: true as const };
        return await accountStub(env, row.accountId).stateCapacity(claimantOf(row), { ...statement, ...isPart });
      },
      onAnswer: () => {
        this.pass();
        if (this.named.choices.size > 0) this.waiters.wake();
      },
      onFailed: (retryAt) => this.#wakeBy(retryAt),
    });
    this.autoscaler = new Autoscaler({
      clock: Date.now,
      row: () => this.row(),
      waiting: () => this.poolWaiters + this.taskRunner.backlog,
      scale: (count, decision) => this.#scale(count, decision),
      wakeAt: (at) => (at === null ? this.timers.clear(SCALE_TIMER) : this.timers.set(SCALE_TIMER, at)),
      quietSince: () => quietSince(this.timers, this.row()),
      keepQuiet: (since) => keepQuiet(this.timers, this.row(), since),
    });
    this.named = new NamedInstances({
      deployments: this.deployments,
      waiters: this.waiters,
      clock: Date.now,
      row: () => this.mustRow(),
      pass: () => this.pass(),
      shortage: (name) => shortageOf(this, name),
    });
    this.images = new ApplicationImages({
      env,
      db: this.db,
      clock: Date.now,
      owner: () => {
        const row = this.row();
        return row === undefined ? null : { accountId: row.accountId, claimant: claimantOf(row) };
      },
      onSettled: () => {
        this.#outbox.hurry();
        this.pass();
      },
    });
    const launches = new ApplicationLaunches({
      images: this.images,
      env,
      db: this.db,
      deployments: this.deployments,
      row: () => this.row(),
      version: (version) => this.version(version),
    });
    this.scheduler = new Scheduler({
      db: this.db,
      timers: this.timers,
      deployments: this.deployments,
      outbox: this.#outbox,
      instances: instanceClient(env, (id) => launches.releaseAddresses(id)),
      clock: Date.now,
      later: (run, ms) => void setTimeout(run, ms),
      newDeploymentId,
      version: (version) => this.version(version),
      places: {
        where: (row) => this.places.whereFor(row),
        ask: (row) => this.places.ask(row.spec),
        failed: (location) => this.places.failed(location),
      },
      called: () => this.named.called(),
      choiceFor: (name) => this.named.choices.get(name),
      jobs: batch.slots,
      rollouts: this.rollout.control,
      soon: (at) => this.#soon.by(at),
      capacity: this.capacity,
      prepare: (order) => launches.prepare(order),
      waitedUntil: (id) => this.images.waitedUntil(id),
      blockedElsewhere: () => this.shards.blockedBeside(0),
      onPassed: () => this.#passed(),
      onRoutingChanged: () => this.#routingChanged(),
      onDeleted: () => {
        if (this.shards.areGone && this.hooks.isEmpty) this.#erase();
      },
    });
    this.specification = new Specification({
      db: this.db,
      rollouts: this.rollout.log,
      serving: (row) => this.views.whole(row).ready,
      onChanged: (grant) => {
        this.places.renew(grant?.locations);
        this.pass();
        this.autoscaler.changed();
        this.shards.begin();
        // Ingress and the port that requests go to are routing too.
        this.#routingChanged();
      },
      onUndone: () => this.forgetVersions(),
    });
    this.#sharded = new ApplicationShards({
      env,
      db: this.db,
      timers: this.timers,
      row: () => this.row(),
      summary: (row) => this.views.summary(row),
      isOutdated: (row) => this.scheduler.isOutdated(row),
      locations: () => this.places.known,
      onHeard: () => {
        this.changes.wake();
        this.#routingChanged();
        const { deleting = false, rollout } = this.row() ?? {};
        // A rollout goes on by what all of them have come to.
        if (rollout !== undefined || (deleting && this.shards.areGone)) this.pass();
      },
      onTurn: () => this.pass(),
      onDisowned: () => this.disown(),
    });
    ({ coordinator: this.shards, forwarder: this.forwarder } = this.#sharded);
    this.views = new ApplicationViews({
      deployments: this.deployments,
      scheduler: this.scheduler,
      places: this.places,
      shards: this.shards,
      rollouts: this.rollout.log,
      control: this.rollout.control,
      timers: this.timers,
      version: (version) => this.version(version).version,
      publicId: this.publicId,
    });
    this.hooks = applicationHooks({
      db: this.db,
      timers: this.timers,
      env,
      row: () => this.row(),
      deployments: this.deployments,
      spec: (version) => this.version(version).spec,
      publicId: this.publicId,
      isForwarding: () => this.#sharded.isForwarding,
      background: (work) => ctx.waitUntil(work),
      onDrained: () => {
        if (this.row()?.deleting === true) this.pass();
      },
    });
    this.#adoptSession();
    this.timers.rearm();
    // What an earlier lifetime has not told.
    this.forwarder.soon();
    // What an earlier lifetime was about is gone on with: callers may wait for it, whom no pass comes of.
    this.rollout.passed();
  }

  /** Shard 0 knows of no such application: what runs here is nobody's. */
  disown(): void {
    const row = this.row();
    if (row === undefined || row.deleting) return;
    writeApplication(this.db, { ...row, deleting: true });
    this.pass();
  }

  #passed(): void {
    settleFreedSizes(this, this.#env, this.#ctx);
    this.forwarder.soon();
    this.shards.consider();
    this.rollout.passed();
    this.taskRunner.poke();
  }

  /** After a boot that no container outlives, everything that the rows call live is lost: said at once, so that nobody is told otherwise. */
  #adoptSession(): void {
    const row = this.row();
    const session = this.#env.GANTRY_SESSION;
    if (row === undefined || session === "" || row.session === session) return;
    this.db.transaction(() => {
      writeApplication(this.db, { ...row, session });
      this.scheduler.loseAll(SESSION_ENDED);
    });
    if (this.deployments.size > 0 || row.deleting) this.timers.set(PASS_TIMER, Date.now());
  }

  /** By its load, within bounds for which room is kept: nobody is asked. */
  #scale(count: number, { reason, asked }: ScaleDecision): void {
    const row = this.mustRow();
    console.log({
      message: "application.autoscaled",
      application: row.name,
      from: row.spec.instances,
      count,
      reason,
      asked,
    });
    this.specification.scale(row, count, Date.now());
  }

  #told(drafts: readonly EventDraft[]): void {
    this.changes.wake();
    const row = this.row();
    // The shard that they come from has logged them.
    if (this.#sharded.isForwarding || row === undefined || !isLogged(row, this.version(row.activeVersion).version))
      return;
    logEvents(row, drafts, (id) => this.deployments.get(id));
  }

  pass(): void {
    if (!this.gone) this.scheduler.pass();
  }

  #wakeBy(time: number): void {
    const current = this.timers.dueAt(PASS_TIMER);
    if (!this.gone && (current === null || current > time)) this.timers.set(PASS_TIMER, time);
  }

  planned(): PlannedView {
    const row = this.mustRow();
    const plan = this.scheduler.plan(row, Date.now());
    return { application: this.views.application(row), plan, instances: this.views.instances(row) };
  }

  #erase(): void {
    const row = this.row();
    if (row === undefined) return;
    // Nothing else would wake an object that is cut off here.
    this.timers.set(PASS_TIMER, Date.now() + ERASE_RETRY_MS);
    this.gone = true;
    this.#ctx.waitUntil(
      this.#eraseNow(row).catch((error: unknown) => {
        console.warn({ message: "application.erase.failed", application: row.name, error: describeError(error) });
        this.gone = false;
      }),
    );
  }

  async #eraseNow(row: ApplicationRow): Promise<void> {
    const account = accountStub(this.#env, row.accountId);
    const isWhole = objectName(row.id, 0) === claimantOf(row);
    // Also of one whose schedules are gone: the next look would wake it.
    if (isWhole) await unwatch(this.#env, row.id);
    // The name was freed when the delete began; this covers a crash between the two.
    if (isWhole) await account.removeApplication(row.id);
    else await this.forwarder.finish(row);
    await this.images.release(row.accountId, claimantOf(row));
    if (row.isLimited === true) {
      await this.capacity.idle();
      await account.releaseCapacity(claimantOf(row));
    }
    this.eventSockets.end("deleted");
    this.egress.close();
    await this.#ctx.storage.deleteAlarm();
    await this.#ctx.storage.deleteAll();
  }

  row(): ApplicationRow | undefined {
    return this.gone ? undefined : readApplication(this.db);
  }

  mustRow(): ApplicationRow {
    const row = this.row();
    if (row === undefined || row.deleting) throw new GantryError("APPLICATION_NOT_FOUND", "application not found");
    return row;
  }

  /** Also of one that is being deleted. */
  mustStored(): ApplicationRow {
    const row = this.row();
    if (row === undefined) throw new GantryError("APPLICATION_NOT_FOUND", "application not found");
    return row;
  }

  /** Shard 0 has changed what this shard is to do. */
  followed(order: Order): void {
    this.places.follow(order);
    this.pass();
    this.#routingChanged();
  }

  /** Null when there is no such application, or it is being deleted. */
  viewNow(): ApplicationView | null {
    const row = this.row();
    return row === undefined || row.deleting ? null : this.views.application(row);
  }

  mustView(): ApplicationView {
    return this.views.application(this.mustRow());
  }

  find(key: string): Deployment | undefined {
    const { name } = this.mustRow();
    const all = this.deployments.all();
    return (
      this.deployments.get(key) ??
      all.find(({ id }) => this.publicId(id) === key) ??
      all.find((deployment) => nameOf(name, deployment) === key)
    );
  }

  /** The set of ready instances may have changed. */
  #routingChanged(): void {
    this.waiters.wake();
    this.taskRunner.poke();
  }

  readonly publicId = (deploymentId: string): string => publicInstanceId(this.#env, deploymentId);

  configuration(version: number): StoredConfiguration {
    return this.version(version).version.configuration;
  }

  /** Rows that may have been read were rolled back. */
  forgetVersions(): void {
    this.#versions.forget();
  }

  version(version: number): KnownVersion {
    return this.#versions.get(version);
  }
}

/** Under which the account's capacity knows what this object runs. */
function claimantOf({ id, sharding }: ApplicationRow): string {
  return objectName(id, sharding?.shard ?? 0);
}
