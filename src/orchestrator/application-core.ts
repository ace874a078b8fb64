/**
 * What the Application object holds in memory, and how its parts are wired: storage, clock, alarm and stubs into the pure
 * planner. The object itself is the methods that others call.
 */
import { Database } from "../database.ts";
import { describeError, GantryError } from "../errors.ts";
import { migrate } from "../migrations.ts";
import { accountStub, applicationStub, instanceStub, publicInstanceId } from "../stubs.ts";
import { Timers } from "../timers.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { isSettled } from "./conditions.ts";
import { ApplicationCapacity } from "./capacity/application-capacity.ts";
import { newDeploymentId } from "./deployment-id.ts";
import { DeploymentStore } from "./deployment-store.ts";
import { EventSockets } from "./event-socket.ts";
import { isLogged, logEvents } from "./event-log.ts";
import { EVENTS_KEPT, listEvents, onAppended } from "./events.ts";
import type { EventDraft } from "./events.ts";
import { type ActionContext, type Decision } from "./instance-actions.ts";
import { sizeOf, toLaunchSpec, type LaunchSpec } from "./launch-spec.ts";
import { hasAddress, networkOf } from "./network.ts";
import { prepareNetwork } from "./prepare/network.ts";
import { prepareReferences } from "./prepare/secrets.ts";
import { Outbox, SILENT_INTERVALS } from "./outbox.ts";
import { Places, type PlacesAnswer } from "./placement/places.ts";
import { desiredPlace } from "./placement/desired-place.ts";
import type { Where } from "./placement/placing.ts";
import { isLive, type Deployment } from "./plan/deployment.ts";
import { SESSION_ENDED } from "./plan/observe.ts";
import { ReadyWaiters } from "./ready-waiters.ts";
import { rolloutNotFound, Specification } from "./specification.ts";
import { RolloutsLog } from "./rollouts-log.ts";
import { instanceName } from "./names.ts";
import { PASS_TIMER, Scheduler, type InstanceClient, type LaunchOrder } from "./scheduler.ts";
import { APPLICATION_MIGRATIONS } from "./storage/schema.ts";
import {
  getVersion,
  listVersions,
  readApplication,
  writeApplication,
  type ApplicationRow,
  type Version,
} from "./storage/application-row.ts";
import {
  applicationView,
  instanceViews,
  type ApplicationView,
  type InstanceView,
  type PlannedView,
  type RolloutView,
} from "./views.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

const ERASE_RETRY_MS = 5_000;

export class ApplicationCore {
  readonly #ctx: DurableObjectState;
  readonly #env: Env;
  readonly db: Database;
  readonly timers: Timers;
  readonly deployments: DeploymentStore;
  readonly #outbox: Outbox;
  readonly places: Places;
  readonly capacity: ApplicationCapacity;
  readonly scheduler: Scheduler;
  readonly eventSockets: EventSockets;
  readonly specification: Specification;
  readonly rollouts: RolloutsLog;
  readonly waiters = new ReadyWaiters();
  readonly changes = new ReadyWaiters();
  readonly #specs = new Map<number, { version: Version; spec: LaunchSpec }>();
  gone = false;

  constructor(ctx: DurableObjectState, env: Env) {
    this.#ctx = ctx;
    this.#env = env;
    this.db = new Database(ctx.storage);
    migrate(this.db, APPLICATION_MIGRATIONS);
    this.timers = new Timers(this.db, ctx.storage);
    this.eventSockets = new EventSockets(ctx, this.db);
    this.rollouts = new RolloutsLog(this.db);
    onAppended(this.db, (drafts) => this.#told(drafts));
    this.deployments = new DeploymentStore(this.db);
    this.#outbox = new Outbox({
      clock: Date.now,
      silentAfterMs: () => SILENT_INTERVALS * (this.row()?.spec.checkEveryMs ?? Number.POSITIVE_INFINITY),
      onSettled: () => this.pass(),
    });
    this.places = new Places({
      clock: Date.now,
      ask: (companion) => this.#askPlaces(companion),
      count: (id) => this.#countCompanions(id),
      onKnown: () => this.pass(),
      onFailed: (retryAt) => this.#wakeBy(retryAt),
    });
    this.capacity = new ApplicationCapacity({
      clock: Date.now,
      row: () => this.row(),
      save: (row) => writeApplication(this.db, row),
      deployments: () => this.deployments.all(),
      sizeOf: (version) => sizeOf(this.configuration(version)),
      state: async (row, statement) => await accountStub(env, row.accountId).stateCapacity(row.id, statement),
      onAnswer: () => this.pass(),
      onFailed: (retryAt) => this.#wakeBy(retryAt),
    });
    this.scheduler = new Scheduler({
      db: this.db,
      timers: this.timers,
      deployments: this.deployments,
      outbox: this.#outbox,
      instances: this.#instanceClient(),
      clock: Date.now,
      newDeploymentId,
      version: (version) => this.version(version),
      places: {
        where: (row) => this.#where(row),
        ask: (row) => this.places.ask(row.spec),
        failed: (location) => this.places.failed(location),
      },
      capacity: this.capacity,
      prepare: (order) => this.#prepare(order),
      onRoutingChanged: () => this.#routingChanged(),
      onDeleted: () => this.#erase(),
    });
    this.specification = new Specification({
      db: this.db,
      rollouts: this.rollouts,
      onChanged: (grant) => {
        // A write is placed by what is true when it is made.
        if (grant?.locations === undefined) this.places.expire();
        else this.places.learn(grant.locations);
        this.pass();
        // Ingress and the port that requests go to are routing too.
        this.#routingChanged();
      },
      onUndone: () => this.forgetVersions(),
    });
    this.#adoptSession();
    this.timers.rearm();
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

  #told(drafts: readonly EventDraft[]): void {
    this.changes.wake();
    const row = this.row();
    if (row === undefined || !isLogged(row, this.version(row.activeVersion).version)) return;
    logEvents(row, drafts, (id) => this.deployments.get(id));
  }

  pass(): void {
    if (!this.gone) this.scheduler.pass();
  }

  #wakeBy(time: number): void {
    const current = this.timers.dueAt(PASS_TIMER);
    if (!this.gone && (current === null || current > time)) this.timers.set(PASS_TIMER, time);
  }

  /** A standalone deployment is where its configuration says, or nowhere. */
  #where(row: ApplicationRow): Where | null {
    const where = this.places.where(row.spec, row.blocked ?? null);
    const own = row.kind === "deployment" ? this.configuration(row.activeVersion).location : undefined;
    if (where === null || own === undefined) return where;
    return { ...where, locations: where.locations.filter(({ code }) => code === own) };
  }

  async #askPlaces(companion: string | null): Promise<PlacesAnswer> {
    const row = this.row();
    if (row === undefined) throw new Error("there is no application any more");
    return await accountStub(this.#env, row.accountId).places(companion);
  }

  async #countCompanions(id: string): Promise<Readonly<Record<string, number>>> {
    if (id === this.row()?.id) return this.instancesByLocation();
    return await applicationStub(this.#env, id).instancesByLocation();
  }

  instancesByLocation(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { location } of this.deployments.all().filter(isLive)) {
      if (location !== undefined) counts[location] = (counts[location] ?? 0) + 1;
    }
    return counts;
  }

  /** For what has to place within its turn, or to say where it would. */
  async knowPlaces(): Promise<void> {
    const row = this.row();
    if (row !== undefined && this.#where(row) === null) await this.places.refresh(row.spec);
  }

  planned(): PlannedView {
    const row = this.mustRow();
    const plan = this.scheduler.plan(row, Date.now());
    return { application: this.viewOf(row), plan, instances: this.instanceViews() };
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
    // The name was freed when the delete began; this covers a crash between the two.
    const account = accountStub(this.#env, row.accountId);
    await account.removeApplication(row.id);
    if (row.isLimited === true) {
      await this.capacity.idle();
      await account.releaseCapacity(row.id);
    }
    this.eventSockets.end("deleted");
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

  mustView(): ApplicationView {
    return this.viewOf(this.mustRow());
  }

  viewOf(row: ApplicationRow): ApplicationView {
    const { version } = this.version(row.activeVersion);
    const view = applicationView(row, version.configuration, this.deployments.all(), this.publicId);
    const retryAt = row.blocked == null ? null : this.timers.dueAt(PASS_TIMER);
    return { ...view, activeRolloutId: this.rollouts.active(), retryAt };
  }

  instanceViews(deployments = this.deployments.all()): InstanceView[] {
    const row = this.mustRow();
    const retryAt = row.blocked == null ? null : this.timers.dueAt(PASS_TIMER);
    return instanceViews(row, deployments, this.publicId, (version) => this.configuration(version), retryAt);
  }

  find(key: string): Deployment | undefined {
    const { name } = this.mustRow();
    const all = this.deployments.all();
    return (
      this.deployments.get(key) ??
      all.find(({ id }) => this.publicId(id) === key) ??
      all.find(({ slot }) => instanceName(name, slot) === key)
    );
  }

  act(
    deployment: Deployment | undefined,
    actor: string,
    guard: WriteGuard | null,
    decide: (deployment: Deployment, context: ActionContext) => Decision,
  ): InstanceView | null {
    const row = this.mustRow();
    requireGuard(this.db, row, guard, Date.now());
    if (deployment === undefined) return null;
    // An earlier try of this very request has done it, whatever has become of the instance since.
    if (guard?.isRetry === true && this.#wasDone(deployment.id, guard.seed)) {
      return this.instanceViews([deployment])[0] ?? null;
    }
    const request = guard === null ? {} : { request: guard.seed };
    const context = { actor, ...request, kind: row.kind, name: instanceName(row.name, deployment.slot) };
    const decision = decide(deployment, context);
    if (decision.type === "refused") throw new GantryError(decision.code, decision.message, decision.details);
    const [view] = this.instanceViews([this.scheduler.act(deployment, decision)]);
    return view ?? null;
  }

  #wasDone(deployment: string, seed: string): boolean {
    const { events } = listEvents(this.db, 0, EVENTS_KEPT, { deployment });
    return events.some(({ details }) => details?.["request"] === seed);
  }

  isSettled(): boolean {
    const row = this.row();
    if (row === undefined || row.deleting) return false;
    const revisionOf = (version: number) => this.version(version).version.revision;
    const isOutdated = (version: number) => revisionOf(version) !== revisionOf(row.activeVersion);
    const { isMisplaced } = desiredPlace(row);
    if (isMisplaced !== undefined && this.deployments.all().some((d) => isLive(d) && isMisplaced(d))) return false;
    return isSettled(this.deployments.all(), row.spec.instances, isOutdated);
  }

  /** The set of ready instances may have changed. */
  #routingChanged(): void {
    this.waiters.wake();
    if (this.rollouts.active() !== null && this.isSettled()) this.rollouts.complete(Date.now());
  }

  rolloutView(id: string): RolloutView {
    const rollout = this.rollouts.get(id);
    if (rollout === null) throw rolloutNotFound(id);
    const revisionOf = (version: number) => this.version(version).version.revision;
    const target = revisionOf(rollout.toVersion);
    const ready = this.deployments.all().filter((d) => d.ready && revisionOf(d.version) === target);
    return {
      rollout,
      current: this.configuration(rollout.fromVersion),
      target: this.configuration(rollout.toVersion),
      application: this.mustView(),
      updated: ready.length,
    };
  }

  /** What an instance gets beside its version's launch spec. */
  async #prepare(order: LaunchOrder): Promise<LaunchOrder> {
    const row = this.row();
    if (row === undefined) return order;
    const { configuration } = this.version(order.version).version;
    const addressed = await prepareNetwork(this.#env, row.accountId, configuration, order);
    return await prepareReferences(this.#env, row.accountId, addressed);
  }

  /** One that is lost in a crash is found when the account's pool is asked. */
  async #releaseAddresses(deploymentId: string): Promise<void> {
    const row = this.row();
    if (row === undefined || row.deleting) return;
    const hadAny = listVersions(this.db).some(({ configuration }) => hasAddress(networkOf(configuration)));
    if (hadAny) await accountStub(this.#env, row.accountId).releaseAddresses(deploymentId);
  }

  readonly publicId = (deploymentId: string): string => publicInstanceId(this.#env, deploymentId);

  configuration(version: number): StoredConfiguration {
    return this.version(version).version.configuration;
  }

  /** Rows that may have been read were rolled back. */
  forgetVersions(): void {
    this.#specs.clear();
  }

  /** Versions never change, so they are read once. */
  version(version: number): { version: Version; spec: LaunchSpec } {
    const known = this.#specs.get(version);
    if (known !== undefined) return known;
    const stored = getVersion(this.db, version);
    if (stored === undefined) throw new Error(`version ${version} is not stored`);
    const entry = { version: stored, spec: toLaunchSpec(stored.configuration) };
    this.#specs.set(version, entry);
    return entry;
  }

  #instanceClient(): InstanceClient {
    const stub = (id: string) => instanceStub(this.#env, id);
    return {
      launch: async (order) => await stub(order.deploymentId).launch(order),
      stop: async (id, generation, reason) => await stub(id).retire(generation, reason),
      check: async (id, generation) => await stub(id).check(generation),
      release: async (id) => {
        await stub(id).release();
        await this.#releaseAddresses(id);
      },
    };
  }
}
