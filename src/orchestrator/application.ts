/**
 * The Application object: the scheduler of one application. A shell: it wires storage, clock, alarm and stubs into the
 * pure planner, and its methods turn calls into rows and a pass.
 */
import { DurableObject } from "cloudflare:workers";
import type { Configuration } from "../api/schemas/configuration.ts";
import { Database } from "../database.ts";
import { describeError, GantryError } from "../errors.ts";
import { etagOf, requireMatch } from "../etag.ts";
import { applicationSample, type ApplicationSample } from "../metrics/application-sample.ts";
import { migrate } from "../migrations.ts";
import { accountStub, instanceStub, publicInstanceId } from "../stubs.ts";
import { Timers } from "../timers.ts";
import {
  applyActivate,
  applyCreate,
  applyDelete,
  applyPatch,
  type ApplicationPatch,
  type NewApplication,
} from "./commands.ts";
import { newDeploymentId } from "./deployment-id.ts";
import { DeploymentStore } from "./deployment-store.ts";
import { EventSockets } from "./event-socket.ts";
import { eventTotals, listEvents, type EventFilter, type EventPage } from "./events.ts";
import { decideAction, decideReplacement, type ActionContext, type Decision, type InstanceAction } from "./instance-actions.ts";
import { toLaunchSpec, type LaunchSpec } from "./launch-spec.ts";
import { Outbox, SILENT_INTERVALS } from "./outbox.ts";
import type { Deployment } from "./plan/deployment.ts";
import { SESSION_ENDED, type Report } from "./plan/observe.ts";
import { ReadyWaiters } from "./ready-waiters.ts";
import { routingOf, type Routing } from "./routing.ts";
import {
  instanceName,
  PASS_TIMER,
  Scheduler,
  type InstanceClient,
  type LaunchOrder,
  type ReportReply,
import { addressedInstance, instanceRoutingOf, type InstanceRouting } from "./instance-routing.ts";
import { hasAddress, networkOf } from "./network.ts";
import { prepareNetwork } from "./prepare/network.ts";
import { prepareReferences } from "./prepare/secrets.ts";
import { usesOf, type Reference } from "./references.ts";
import { currentLease, releaseLease, takeLease, type Lease, type LeaseRequest } from "./leases.ts";
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
import {
  applicationView,
  instanceViews,
  versionViews,
  type ApplicationView,
  type InstanceView,
  type VersionView,
} from "./views.ts";

const ERASE_RETRY_MS = 5_000;

export class Application extends DurableObject<Env> {
  readonly #db: Database;
  readonly #timers: Timers;
  readonly #deployments: DeploymentStore;
  readonly #outbox: Outbox;
  readonly #scheduler: Scheduler;
  readonly #eventSockets: EventSockets;
  readonly #waiters = new ReadyWaiters();
  readonly #specs = new Map<number, { version: Version; spec: LaunchSpec }>();
  #gone = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, APPLICATION_MIGRATIONS);
    this.#timers = new Timers(this.#db, ctx.storage);
    this.#eventSockets = new EventSockets(ctx, this.#db);
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
      onRoutingChanged: () => this.#waiters.wake(),
      onDeleted: () => this.#erase(),
    });
    this.#adoptSession();
    this.#timers.rearm();
  }

  /** Creates the application, or returns the one that an earlier try with the same id has made. */
  create(input: NewApplication): ApplicationView {
    if (this.#row() === undefined) {
      applyCreate(this.#db, input, this.env.GANTRY_SESSION, Date.now());
      this.#pass();
    }
    return this.#mustView();
  }

  /** Also while it is being deleted: its name and id are not free yet. */
  exists(): boolean {
    return this.#row() !== undefined;
  }

  /** Null when there is no such application, or it is being deleted. */
  view(): ApplicationView | null {
    const row = this.#row();
    return row === undefined || row.deleting ? null : this.#viewOf(row);
  }

  patch(patch: ApplicationPatch, ifMatch: string | null): ApplicationView {
    const row = this.#mustRow();
    requireMatch(ifMatch, etagOf(row.id, row.generation));
    applyPatch(this.#db, row, patch, Date.now());
    this.#pass();
    // A change of ingress is routing too.
    this.#waiters.wake();
    return this.#mustView();
  }

  /** Stops everything; the object erases itself when the last container is gone. Deleting twice is no error. */
  delete(ifMatch: string | null): boolean {
    const row = this.#row();
    if (row === undefined) return false;
    if (!row.deleting) {
      requireMatch(ifMatch, etagOf(row.id, row.generation));
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
  activate(version: number, ifMatch: string | null = null): ApplicationView {
    const row = this.#mustRow();
    requireMatch(ifMatch, etagOf(row.id, row.generation));
    applyActivate(this.#db, row, version, Date.now());
    this.#pass();
    // The port that requests go to is the version's.
    this.#waiters.wake();
    return this.#mustView();
  }

  /** Acts on an instance by its public id, its name or its deployment's id. Null when there is none. */
  act(key: string, action: InstanceAction, actor: string): InstanceView | null {
    return this.#act(this.#find(key), actor, (deployment, context) =>
      decideAction(deployment, action, context, Date.now()),
    );
  }

  /** A new placement in a deployment, if `generation` is its current one. Null when there is no such deployment. */
  replacePlacement(deploymentId: string, generation: number, actor: string): InstanceView | null {
    return this.#act(this.#deployments.get(deploymentId), actor, (deployment, context) =>
      decideReplacement(deployment, generation, context, Date.now()),
    );
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
    return applicationView(row, version.configuration, this.#instanceViews());
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
    decide: (deployment: Deployment, context: ActionContext) => Decision,
  ): InstanceView | null {
    const row = this.#mustRow();
    if (deployment === undefined) return null;
    const context = { actor, kind: row.kind, name: instanceName(row.name, deployment.slot) };
    const decision = decide(deployment, context);
    if (decision.type === "refused") throw new GantryError(decision.code, decision.message, decision.details);
    const [view] = this.#instanceViews([this.#scheduler.act(deployment, decision)]);
    return view ?? null;
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

  #configuration(version: number): Configuration {
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
