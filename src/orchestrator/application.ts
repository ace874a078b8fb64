/**
 * The Application object: the scheduler of one application. A shell: it wires storage, clock, alarm and stubs into the
 * pure planner, and its methods turn calls into rows and a pass.
 */
import { DurableObject } from "cloudflare:workers";
import type { Usage } from "../account/amounts.ts";
import type { Grant } from "../account/ledger.ts";
import { Database } from "../database.ts";
import { describeError, GantryError } from "../errors.ts";
import { applicationSample, type ApplicationSample } from "../metrics/application-sample.ts";
import { migrate } from "../migrations.ts";
import { accountStub, instanceStub, publicInstanceId } from "../stubs.ts";
import { Timers } from "../timers.ts";
import { countChange } from "./change-plan.ts";
import {
  applyCreate,
  applyDelete,
  requireVersion,
  type ApplicationPatch,
  type ApplicationPut,
  type NewApplication,
} from "./commands.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { isSettled, type ApplicationCondition } from "./conditions.ts";
import { newDeploymentId } from "./deployment-id.ts";
import { DeploymentStore } from "./deployment-store.ts";
import { EventSockets } from "./event-socket.ts";
import { isLogged, logEvents } from "./event-log.ts";
import { EVENTS_KEPT, eventTotals, listEvents, onAppended } from "./events.ts";
import type { EventDraft, EventFilter, EventPage } from "./events.ts";
import type { InstanceState } from "./health.ts";
import {
  decideAction,
  decideReplacement,
  type ActionContext,
  type Decision,
  type InstanceAction,
} from "./instance-actions.ts";
import { toLaunchSpec, type LaunchSpec } from "./launch-spec.ts";
import { addressedInstance, instanceRoutingOf, type InstanceRouting } from "./instance-routing.ts";
import { hasAddress, networkOf } from "./network.ts";
import { prepareNetwork } from "./prepare/network.ts";
import { prepareReferences } from "./prepare/secrets.ts";
import { usesOf, type Reference } from "./references.ts";
import { currentLease, releaseLease, takeLease, type Lease, type LeaseRequest } from "./leases.ts";
import { Outbox, SILENT_INTERVALS } from "./outbox.ts";
import { placementsOf, type PlacementView } from "./placements.ts";
import { isLeaving, type Deployment } from "./plan/deployment.ts";
import { SESSION_ENDED, type Report } from "./plan/observe.ts";
import type { Desired } from "./plan/selection.ts";
import { ReadyWaiters } from "./ready-waiters.ts";
import { rolloutNotFound, Specification, type RolloutRequest } from "./specification.ts";
import { RolloutsLog } from "./rollouts-log.ts";
import { routingOf, type Routing } from "./routing.ts";
import {
  instanceName,
  PASS_TIMER,
  Scheduler,
  type InstanceClient,
  type LaunchOrder,
  type ReportReply,
} from "./scheduler.ts";
import { refusalOf, watchOf } from "./watch-request.ts";
import { APPLICATION_MIGRATIONS } from "./storage/schema.ts";
import {
  getVersion,
  listVersions,
  readApplication,
  writeApplication,
  type ApplicationRow,
  type Version,
} from "./storage/application-row.ts";
import { usageOf, withinGrant } from "./usage.ts";
import {
  applicationView,
  instanceViews,
  versionViews,
  type ApplicationView,
  type DeploymentsView,
  type InstanceView,
  type PutPreview,
  type RolloutView,
  type VersionView,
} from "./views.ts";
import { waitUntil, type Waited } from "./waits.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

const ERASE_RETRY_MS = 5_000;

export class Application extends DurableObject<Env> {
  readonly #db: Database;
  readonly #timers: Timers;
  readonly #deployments: DeploymentStore;
  readonly #outbox: Outbox;
  readonly #scheduler: Scheduler;
  readonly #eventSockets: EventSockets;
  readonly #specification: Specification;
  readonly #rollouts: RolloutsLog;
  readonly #waiters = new ReadyWaiters();
  readonly #changes = new ReadyWaiters();
  readonly #specs = new Map<number, { version: Version; spec: LaunchSpec }>();
  #gone = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, APPLICATION_MIGRATIONS);
    this.#timers = new Timers(this.#db, ctx.storage);
    this.#eventSockets = new EventSockets(ctx, this.#db);
    this.#rollouts = new RolloutsLog(this.#db);
    onAppended(this.#db, (drafts) => this.#told(drafts));
    this.#deployments = new DeploymentStore(this.#db);
    this.#outbox = new Outbox({
      clock: Date.now,
      silentAfterMs: () => SILENT_INTERVALS * (this.#row()?.spec.checkEveryMs ?? Number.POSITIVE_INFINITY),
      onSettled: () => this.#pass(),
    });
    this.#scheduler = new Scheduler({
      db: this.#db,
      timers: this.#timers,
      deployments: this.#deployments,
      outbox: this.#outbox,
      instances: this.#instanceClient(),
      clock: Date.now,
      newDeploymentId,
      version: (version) => this.#version(version),
      prepare: (order) => this.#prepare(order),
      onRoutingChanged: () => this.#routingChanged(),
      onDeleted: () => this.#erase(),
    });
    this.#specification = new Specification({
      db: this.#db,
      rollouts: this.#rollouts,
      onChanged: () => {
        this.#pass();
        // Ingress and the port that requests go to are routing too.
        this.#routingChanged();
      },
      onUndone: () => this.#specs.clear(),
    });
    this.#adoptSession();
    this.#timers.rearm();
  }

  /** Creates the application, or returns the one that an earlier try with the same id has made. */
  create(input: NewApplication, grant: Grant | null = null): ApplicationView {
    if (this.#row() === undefined) {
      try {
        withinGrant(this.#db, grant, Date.now(), () => {
          applyCreate(this.#db, input, this.env.GANTRY_SESSION, Date.now());
        });
      } catch (error) {
        this.#specs.clear();
        throw error;
      }
      this.#pass();
    }
    return this.#mustView();
  }

  /** Also while it is being deleted: its name and id are not free yet. */
  exists(): boolean {
    return this.#row() !== undefined;
  }

  /** What it holds of its account's limits. Null when there is no such application, or it is being deleted. */
  usage(): Usage | null {
    const row = this.#row();
    return row === undefined || row.deleting ? null : usageOf(row, this.#configuration(row.activeVersion));
  }

  /** Null when there is no such application, or it is being deleted. */
  view(): ApplicationView | null {
    const row = this.#row();
    return row === undefined || row.deleting ? null : this.#viewOf(row);
  }

  patch(patch: ApplicationPatch, guard: WriteGuard | null, grant: Grant | null = null): ApplicationView {
    this.#specification.patch(this.#mustRow(), patch, guard, grant, Date.now());
    return this.#mustView();
  }

  /** The whole specification: stored, and what it says runs from here on. */
  put(put: ApplicationPut, guard: WriteGuard, grant: Grant | null = null): ApplicationView {
    this.#specification.put(this.#mustRow(), put, guard, grant, Date.now());
    return this.#mustView();
  }

  /** What `put` would do, without doing any of it. */
  previewPut(put: ApplicationPut, guard: WriteGuard, isDryRun: boolean): PutPreview {
    const { row, version } = this.#specification.preview(this.#mustRow(), put, guard, isDryRun, Date.now());
    const revisionOf = (number: number) => this.#version(number).version.revision;
    const desired: Desired = {
      instances: row.spec.instances,
      version: row.activeVersion,
      isOutdated: (number) => number !== version.version && revisionOf(number) !== version.revision,
      strategy: "rolling",
      deleting: false,
    };
    return {
      before: this.#mustView(),
      after: applicationView(row, version.configuration, this.#instanceViews()),
      instances: countChange(this.#deployments.all(), desired, Date.now()),
    };
  }

  /** A patch of a standalone deployment: its configuration runs at once, in the same deployment. */
  replace(patch: ApplicationPatch, guard: WriteGuard, grant: Grant | null = null): ApplicationView {
    this.#specification.replace(this.#mustRow(), patch, guard, grant, Date.now());
    return this.#mustView();
  }

  /** Throws `VERSION_NOT_FOUND`. */
  configurationOf(version: number): Version {
    return requireVersion(this.#db, this.#mustRow(), version);
  }

  rollout(request: RolloutRequest, guard: WriteGuard, grant: Grant | null = null): RolloutView {
    return this.#rolloutView(this.#specification.rollout(this.#mustRow(), request, guard, grant, Date.now()).id);
  }

  /** Newest first. */
  rollouts(): RolloutView[] {
    this.#mustRow();
    return this.#rollouts.list().map(({ id }) => this.#rolloutView(id));
  }

  rolloutOf(id: string): RolloutView {
    this.#mustRow();
    return this.#rolloutView(id);
  }

  lease(): Lease | null {
    this.#mustRow();
    return currentLease(this.#db, Date.now());
  }

  takeLease(nonce: string | null, request: LeaseRequest): Lease {
    this.#mustRow();
    return takeLease(this.#db, nonce, request, Date.now());
  }

  /** False when nobody holds one. */
  releaseLease(nonce: string | null, force: boolean): boolean {
    this.#mustRow();
    return releaseLease(this.#db, nonce, force, Date.now());
  }

  async waitForApplication(condition: ApplicationCondition, timeoutMs: number): Promise<Waited<ApplicationView>> {
    const isReached = (view: ApplicationView) =>
      condition === "settled" ? this.#isSettled() : view.state === condition;
    return await waitUntil(this.#changes, () => this.view(), isReached, timeoutMs);
  }

  async waitForInstance(key: string, state: InstanceState, timeoutMs: number): Promise<Waited<InstanceView>> {
    const look = () => {
      const deployment = this.view() === null ? undefined : this.#find(key);
      return deployment === undefined ? null : (this.#instanceViews([deployment])[0] ?? null);
    };
    return await waitUntil(this.#changes, look, (view) => view.state === state, timeoutMs);
  }

  /** Stops everything; the object erases itself when the last container is gone. Deleting twice is no error. */
  delete(guard: WriteGuard | null): boolean {
    const row = this.#row();
    if (row === undefined) return false;
    if (!row.deleting) {
      requireGuard(this.#db, row, guard, Date.now());
      applyDelete(this.#db, row, Date.now());
      this.#waiters.wake();
      this.#pass();
    }
    return true;
  }

  instances(): InstanceView[] {
    this.#mustRow();
    return this.#instanceViews();
  }

  /** Newest first, with how many live instances are on each. */
  versions(): VersionView[] {
    return versionViews(this.#mustRow(), listVersions(this.#db), this.#deployments.all());
  }

  /** Makes a stored version the one that runs. What runs another revision is replaced from here on. */
  activate(version: number, guard: WriteGuard | null = null, grant: Grant | null = null): ApplicationView {
    this.#specification.activate(this.#mustRow(), version, guard, grant, Date.now());
    return this.#mustView();
  }

  /** Acts on an instance by its public id, its name or its deployment's id. Null when there is none. */
  act(key: string, action: InstanceAction, actor: string, guard: WriteGuard | null = null): InstanceView | null {
    return this.#act(this.#find(key), actor, guard, (deployment, context) =>
      decideAction(deployment, action, context, Date.now()),
    );
  }

  /** A new placement in a deployment, if `generation` is its current one. Null when there is no such deployment. */
  replacePlacement(
    deploymentId: string,
    generation: number,
    actor: string,
    guard: WriteGuard | null = null,
  ): InstanceView | null {
    return this.#act(this.#deployments.get(deploymentId), actor, guard, (deployment, context) =>
      decideReplacement(deployment, generation, context, Date.now()),
    );
  }

  /** Destroys a deployment; the view has the one that is placed in its stead, and nothing when it is not there. */
  recreate(id: string, actor: string, guard: WriteGuard): DeploymentsView {
    const known = new Set(this.#deployments.all().map((deployment) => deployment.id));
    const isDone = this.act(id, "destroy", actor, guard) !== null;
    const others = this.#deployments.all().filter((deployment) => !isLeaving(deployment) && deployment.id !== id);
    // An earlier try of this request has placed it: it is the youngest.
    const isKnown = !others.some((deployment) => !known.has(deployment.id));
    const candidates = others.filter((deployment) => isKnown || !known.has(deployment.id));
    const youngest = candidates.toSorted((a, b) => b.createdAt - a.createdAt).slice(0, 1);
    const instances = isDone || guard.isRetry ? this.#instanceViews(youngest) : [];
    return { application: this.#mustView(), instances };
  }

  /** Null when there is no such application, or it is being deleted. */
  deployments(): DeploymentsView | null {
    const row = this.#row();
    if (row === undefined || row.deleting) return null;
    return { application: this.#viewOf(row), instances: this.#instanceViews() };
  }

  /** Newest first; those that have ended as far as their events are kept. */
  placements(deploymentId: string): PlacementView[] {
    this.#mustRow();
    const { events } = listEvents(this.#db, 0, EVENTS_KEPT, { deployment: deploymentId });
    return placementsOf(deploymentId, this.#deployments.get(deploymentId), events);
  }

  /** The newest stored configuration, active or not: what a partial one is merged over. */
  newest(): { readonly version: number; readonly configuration: StoredConfiguration } {
    this.#mustRow();
    const [newest] = listVersions(this.#db);
    if (newest === undefined) throw new Error("no version is stored");
    return { version: newest.version, configuration: newest.configuration };
  }

  events(cursor: number, limit: number, filter: EventFilter): EventPage {
    this.#mustRow();
    return listEvents(this.#db, cursor, limit, filter);
  }

  /** A WebSocket with the events after a cursor. The only use of this object's `fetch`. */
  override fetch(request: Request): Response {
    const watch = watchOf(request);
    try {
      this.#mustRow();
      return new Response(null, { status: 101, webSocket: this.#eventSockets.accept(watch.cursor, watch.filter) });
    } catch (error) {
      return refusalOf(error);
    }
  }

  override webSocketMessage(socket: WebSocket): void {
    this.#eventSockets.refuse(socket);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#eventSockets.release(socket);
  }

  /** Null when there is no such application, or it is being deleted. */
  metrics(): ApplicationSample | null {
    const row = this.#row();
    if (row === undefined || row.deleting) return null;
    return applicationSample(this.#viewOf(row), this.#instanceViews(), eventTotals(this.#db), this.billing());
  }

  /** Where it uses what its account keeps; empty also when there is no such application. */
  uses(reference: Reference): string[] {
    const row = this.#row();
    if (row === undefined || row.deleting) return [];
    return usesOf(row, this.#deployments.all(), (version) => this.#configuration(version), reference);
  }

  /** An instance says how it is, and hears whether it is still wanted. */
  report(deploymentId: string, generation: number, report: Report): ReportReply {
    const row = this.#row();
    if (row === undefined) return { owned: false, checkEveryMs: 0 };
    const owned = this.#scheduler.observe(deploymentId, generation, report);
    return { owned, checkEveryMs: row.spec.checkEveryMs };
  }

  /** Where requests may go. Waits up to `waitMs` for the first ready instance when there is none. */
  async routing(waitMs: number): Promise<Routing | null> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const row = this.#row();
      if (row === undefined || row.deleting) return null;
      const routing = routingOf(row, this.#version(row.activeVersion).spec, this.#deployments.all(), this.#publicId);
      const leftMs = deadline - Date.now();
      if (routing.members.length > 0 || row.spec.instances === 0 || leftMs <= 0) return routing;
      if (this.#waiters.isFull) {
        const message = `application ${row.name}: too many requests wait for a ready instance; try again later`;
        throw new GantryError("QUEUE_FULL", message, { application: row.name });
      }
      await this.#waiters.wait(leftMs);
    }
  }

  /** Where one instance is, by any of its names, and whether it may be called. Null when there is no application. */
  instanceRouting(key: string): InstanceRouting | null {
    const row = this.#row();
    if (row === undefined || row.deleting) return null;
    const deployment = this.#find(key);
    if (deployment === undefined) return instanceRoutingOf(row, null);
    const { id, slot } = deployment;
    const { version, spec } = this.#version(deployment.version === 0 ? row.activeVersion : deployment.version);
    const names = { deploymentId: id, instanceId: this.#publicId(id), instanceName: instanceName(row.name, slot) };
    const source = { configuration: version.configuration, spec };
    return instanceRoutingOf(row, addressedInstance(deployment, source, names, Date.now()));
  }

  /** Its deployments and their current placements; empty when there is no such application. */
  generations(): Record<string, number> {
    if (this.#row() === undefined) return {};
    return Object.fromEntries(this.#deployments.all().map(({ id, generation }) => [id, generation]));
  }

  override async alarm(): Promise<void> {
    if (this.#gone) return;
    await this.#timers.fire(Date.now(), async (key) => {
      if (key === PASS_TIMER) this.#pass();
    });
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#db.rowsWritten, alarmsSet: this.#timers.alarmsSet };
  }

  /** After a boot that no container outlives, everything that the rows call live is lost: said at once, so that nobody is told otherwise. */
  #adoptSession(): void {
    const row = this.#row();
    const session = this.env.GANTRY_SESSION;
    if (row === undefined || session === "" || row.session === session) return;
    this.#db.transaction(() => {
      writeApplication(this.#db, { ...row, session });
      this.#scheduler.loseAll(SESSION_ENDED);
    });
    if (this.#deployments.size > 0 || row.deleting) this.#timers.set(PASS_TIMER, Date.now());
  }

  #told(drafts: readonly EventDraft[]): void {
    this.#changes.wake();
    const row = this.#row();
    if (row === undefined || !isLogged(row, this.#version(row.activeVersion).version)) return;
    logEvents(row, drafts, (id) => this.#deployments.get(id));
  }

  #pass(): void {
    if (!this.#gone) this.#scheduler.pass();
  }

  #erase(): void {
    const row = this.#row();
    if (row === undefined) return;
    // Nothing else would wake an object that is cut off here.
    this.#timers.set(PASS_TIMER, Date.now() + ERASE_RETRY_MS);
    this.#gone = true;
    this.ctx.waitUntil(
      this.#eraseNow(row).catch((error: unknown) => {
        console.warn({ message: "application.erase.failed", application: row.name, error: describeError(error) });
        this.#gone = false;
      }),
    );
  }

  async #eraseNow(row: ApplicationRow): Promise<void> {
    // The name was freed when the delete began; this covers a crash between the two.
    await accountStub(this.env, row.accountId).removeApplication(row.id);
    this.#eventSockets.end("deleted");
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  #row(): ApplicationRow | undefined {
    return this.#gone ? undefined : readApplication(this.#db);
  }

  #mustRow(): ApplicationRow {
    const row = this.#row();
    if (row === undefined || row.deleting) throw new GantryError("APPLICATION_NOT_FOUND", "application not found");
    return row;
  }

  #mustView(): ApplicationView {
    return this.#viewOf(this.#mustRow());
  }

  #viewOf(row: ApplicationRow): ApplicationView {
    const { version } = this.#version(row.activeVersion);
    const view = applicationView(row, version.configuration, this.#instanceViews());
    return { ...view, activeRolloutId: this.#rollouts.active() };
  }

  #instanceViews(deployments = this.#deployments.all()): InstanceView[] {
    const row = this.#mustRow();
    return instanceViews(row, deployments, this.#publicId, (version) => this.#configuration(version));
  }

  #find(key: string): Deployment | undefined {
    const { name } = this.#mustRow();
    const all = this.#deployments.all();
    return (
      this.#deployments.get(key) ??
      all.find(({ id }) => this.#publicId(id) === key) ??
      all.find(({ slot }) => instanceName(name, slot) === key)
    );
  }

  #act(
    deployment: Deployment | undefined,
    actor: string,
    guard: WriteGuard | null,
    decide: (deployment: Deployment, context: ActionContext) => Decision,
  ): InstanceView | null {
    const row = this.#mustRow();
    requireGuard(this.#db, row, guard, Date.now());
    if (deployment === undefined) return null;
    // An earlier try of this very request has done it, whatever has become of the instance since.
    if (guard?.isRetry === true && this.#wasDone(deployment.id, guard.seed)) {
      return this.#instanceViews([deployment])[0] ?? null;
    }
    const request = guard === null ? {} : { request: guard.seed };
    const context = { actor, ...request, kind: row.kind, name: instanceName(row.name, deployment.slot) };
    const decision = decide(deployment, context);
    if (decision.type === "refused") throw new GantryError(decision.code, decision.message, decision.details);
    const [view] = this.#instanceViews([this.#scheduler.act(deployment, decision)]);
    return view ?? null;
  }

  #wasDone(deployment: string, seed: string): boolean {
    const { events } = listEvents(this.#db, 0, EVENTS_KEPT, { deployment });
    return events.some(({ details }) => details?.["request"] === seed);
  }

  #isSettled(): boolean {
    const row = this.#row();
    if (row === undefined || row.deleting) return false;
    const revisionOf = (version: number) => this.#version(version).version.revision;
    const isOutdated = (version: number) => revisionOf(version) !== revisionOf(row.activeVersion);
    return isSettled(this.#deployments.all(), row.spec.instances, isOutdated);
  }

  /** The set of ready instances may have changed. */
  #routingChanged(): void {
    this.#waiters.wake();
    if (this.#rollouts.active() !== null && this.#isSettled()) this.#rollouts.complete(Date.now());
  }

  #rolloutView(id: string): RolloutView {
    const rollout = this.#rollouts.get(id);
    if (rollout === null) throw rolloutNotFound(id);
    const revisionOf = (version: number) => this.#version(version).version.revision;
    const target = revisionOf(rollout.toVersion);
    const ready = this.#deployments.all().filter((d) => d.ready && revisionOf(d.version) === target);
    return {
      rollout,
      current: this.#configuration(rollout.fromVersion),
      target: this.#configuration(rollout.toVersion),
      application: this.#mustView(),
      updated: ready.length,
    };
  }

  /** What an instance gets beside its version's launch spec. */
  async #prepare(order: LaunchOrder): Promise<LaunchOrder> {
    const row = this.#row();
    if (row === undefined) return order;
    const { configuration } = this.#version(order.version).version;
    const addressed = await prepareNetwork(this.env, row.accountId, configuration, order);
    return await prepareReferences(this.env, row.accountId, addressed);
  }

  /** One that is lost in a crash is found when the account's pool is asked. */
  async #releaseAddresses(deploymentId: string): Promise<void> {
    const row = this.#row();
    if (row === undefined || row.deleting) return;
    const hadAny = listVersions(this.#db).some(({ configuration }) => hasAddress(networkOf(configuration)));
    if (hadAny) await accountStub(this.env, row.accountId).releaseAddresses(deploymentId);
  }

  readonly #publicId = (deploymentId: string): string => publicInstanceId(this.env, deploymentId);

  #configuration(version: number): StoredConfiguration {
    return this.#version(version).version.configuration;
  }

  /** Versions never change, so they are read once. */
  #version(version: number): { version: Version; spec: LaunchSpec } {
    const known = this.#specs.get(version);
    if (known !== undefined) return known;
    const stored = getVersion(this.#db, version);
    if (stored === undefined) throw new Error(`version ${version} is not stored`);
    const entry = { version: stored, spec: toLaunchSpec(stored.configuration) };
    this.#specs.set(version, entry);
    return entry;
  }

  #instanceClient(): InstanceClient {
    const stub = (id: string) => instanceStub(this.env, id);
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
