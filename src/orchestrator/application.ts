/**
 * The Application object: the scheduler of one application. A shell: its methods turn calls into rows and a pass, by way
 * of what `application-core.ts` wires together.
 */
import { DurableObject } from "cloudflare:workers";
import type { Usage } from "../account/amounts.ts";
import type { EvictionOrder, Statement } from "../account/capacity/statement.ts";
import type { Grant } from "../account/ledger.ts";
import { GantryError } from "../errors.ts";
import { applicationSample, type ApplicationSample } from "../metrics/application-sample.ts";
import { tellRoomMade } from "./capacity/evict.ts";
import { countChange } from "./change-plan.ts";
import { newDeploymentId } from "./deployment-id.ts";
import { emptySlot } from "./intents.ts";
import {
  applyCreate,
  applyDelete,
  requireVersion,
  type ApplicationPatch,
  type ApplicationPut,
  type NewApplication,
} from "./commands.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { isReady, type ApplicationCondition } from "./conditions.ts";
import { EVENTS_KEPT, eventTotals, listEvents } from "./events.ts";
import type { EventFilter, EventPage } from "./events.ts";
import type { InstanceState } from "./health.ts";
import { decideAction, decideReplacement, type InstanceAction } from "./instance-actions.ts";
import { addressedInstance, instanceRoutingOf, type InstanceRouting } from "./instance-routing.ts";
import { usesOf, type Reference } from "./references.ts";
import { currentLease, releaseLease, takeLease, type Lease, type LeaseRequest } from "./leases.ts";
import { placementsOf, type PlacementView } from "./placements.ts";
import { desiredPlace } from "./placement/desired-place.ts";
import { isLeaving } from "./plan/deployment.ts";
import { type Report } from "./plan/observe.ts";
import type { Desired } from "./plan/selection.ts";
import { type RolloutRequest } from "./specification.ts";
import { routingOf, type Routing } from "./routing.ts";
import { instanceName } from "./names.ts";
import { PASS_TIMER, type ReportReply } from "./scheduler.ts";
import { refusalOf, watchOf } from "./watch-request.ts";
import { listVersions, type Version } from "./storage/application-row.ts";
import { usageOf, withinGrant } from "./usage.ts";
import {
  applicationView,
  versionViews,
  type ApplicationView,
  type DeploymentsView,
  type InstanceView,
  type PlannedView,
  type PutPreview,
  type RolloutView,
  type VersionView,
} from "./views.ts";
import { waitUntil, type Waited } from "./waits.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";
import { ApplicationCore } from "./application-core.ts";

export class Application extends DurableObject<Env> {
  readonly #core: ApplicationCore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#core = new ApplicationCore(ctx, env);
  }

  /** Creates the application, or returns the one that an earlier try with the same id has made. */
  create(input: NewApplication, grant: Grant | null = null): ApplicationView {
    if (this.#core.row() === undefined) {
      try {
        withinGrant(this.#core.db, grant, Date.now(), () => {
          applyCreate(this.#core.db, input, this.env.GANTRY_SESSION, Date.now());
        });
      } catch (error) {
        this.#core.forgetVersions();
        throw error;
      }
      // In the same turn, so that it is kept with the rest or not at all.
      if (input.kind === "deployment") this.#openSlot(input, grant);
      this.#core.places.learn(grant?.locations);
      this.#core.pass();
    }
    return this.#core.mustView();
  }

  #openSlot({ id, configuration: { location } }: NewApplication, grant: Grant | null): void {
    const known = grant?.locations?.find(({ code }) => code === location);
    const place = known === undefined ? null : { region: known.region, jurisdiction: null };
    this.#core.deployments.put(emptySlot(newDeploymentId(id, place), 0, 1, known?.code, Date.now()));
  }

  /** Also while it is being deleted: its name and id are not free yet. */
  exists(): boolean {
    return this.#core.row() !== undefined;
  }

  /** What it holds of its account's limits. Null when there is no such application, or it is being deleted. */
  usage(): Usage | null {
    const row = this.#core.row();
    return row === undefined || row.deleting ? null : usageOf(row, this.#core.configuration(row.activeVersion));
  }

  /** Null when there is no such application, or it is being deleted. */
  view(): ApplicationView | null {
    const row = this.#core.row();
    return row === undefined || row.deleting ? null : this.#core.viewOf(row);
  }

  patch(patch: ApplicationPatch, guard: WriteGuard | null, grant: Grant | null = null): ApplicationView {
    this.#core.specification.patch(this.#core.mustRow(), patch, guard, grant, Date.now());
    return this.#core.mustView();
  }

  /** The whole specification: stored, and what it says runs from here on. */
  put(put: ApplicationPut, guard: WriteGuard, grant: Grant | null = null): ApplicationView {
    this.#core.specification.put(this.#core.mustRow(), put, guard, grant, Date.now());
    return this.#core.mustView();
  }

  /** What `put` would do, without doing any of it. */
  previewPut(put: ApplicationPut, guard: WriteGuard, isDryRun: boolean): PutPreview {
    const { row, version } = this.#core.specification.preview(this.#core.mustRow(), put, guard, isDryRun, Date.now());
    const revisionOf = (number: number) => this.#core.version(number).version.revision;
    const desired: Desired = {
      instances: row.spec.instances,
      version: row.activeVersion,
      isOutdated: (number) => number !== version.version && revisionOf(number) !== version.revision,
      strategy: "rolling",
      deleting: false,
      ...desiredPlace(row),
    };
    return {
      before: this.#core.mustView(),
      after: applicationView(row, version.configuration, this.#core.deployments.all(), this.#core.publicId),
      instances: countChange(this.#core.deployments.all(), desired, Date.now()),
    };
  }

  /** A patch of a standalone deployment: its configuration runs at once, in the same deployment. */
  replace(patch: ApplicationPatch, guard: WriteGuard, grant: Grant | null = null): ApplicationView {
    this.#core.specification.replace(this.#core.mustRow(), patch, guard, grant, Date.now());
    return this.#core.mustView();
  }

  /** Throws `VERSION_NOT_FOUND`. */
  configurationOf(version: number): Version {
    return requireVersion(this.#core.db, this.#core.mustRow(), version);
  }

  rollout(request: RolloutRequest, guard: WriteGuard, grant: Grant | null = null): RolloutView {
    return this.#core.rolloutView(
      this.#core.specification.rollout(this.#core.mustRow(), request, guard, grant, Date.now()).id,
    );
  }

  /** Newest first. */
  rollouts(): RolloutView[] {
    this.#core.mustRow();
    return this.#core.rollouts.list().map(({ id }) => this.#core.rolloutView(id));
  }

  rolloutOf(id: string): RolloutView {
    this.#core.mustRow();
    return this.#core.rolloutView(id);
  }

  lease(): Lease | null {
    this.#core.mustRow();
    return currentLease(this.#core.db, Date.now());
  }

  takeLease(nonce: string | null, request: LeaseRequest): Lease {
    this.#core.mustRow();
    return takeLease(this.#core.db, nonce, request, Date.now());
  }

  /** False when nobody holds one. */
  releaseLease(nonce: string | null, force: boolean): boolean {
    this.#core.mustRow();
    return releaseLease(this.#core.db, nonce, force, Date.now());
  }

  async waitForApplication(condition: ApplicationCondition, timeoutMs: number): Promise<Waited<ApplicationView>> {
    const isReached = (view: ApplicationView) => {
      if (condition === "settled") return this.#core.isSettled();
      return condition === "ready" ? isReady(view.health, view.row.spec.instances) : view.state === condition;
    };
    return await waitUntil(this.#core.changes, () => this.view(), isReached, timeoutMs);
  }

  async waitForInstance(key: string, state: InstanceState, timeoutMs: number): Promise<Waited<InstanceView>> {
    const look = () => {
      const deployment = this.view() === null ? undefined : this.#core.find(key);
      return deployment === undefined ? null : (this.#core.instanceViews([deployment])[0] ?? null);
    };
    return await waitUntil(this.#core.changes, look, (view) => view.state === state, timeoutMs);
  }

  /** Stops everything; the object erases itself when the last container is gone. Deleting twice is no error. */
  delete(guard: WriteGuard | null): boolean {
    return this.beginDelete(guard) !== "missing";
  }

  /** As `delete`; of several who do it at once, one hears that it was him. */
  beginDelete(guard: WriteGuard | null): "begun" | "underway" | "missing" {
    const row = this.#core.row();
    if (row === undefined) return "missing";
    if (row.deleting) return "underway";
    requireGuard(this.#core.db, row, guard, Date.now());
    applyDelete(this.#core.db, row, Date.now());
    this.#core.waiters.wake();
    this.#core.pass();
    return "begun";
  }

  instances(): InstanceView[] {
    this.#core.mustRow();
    return this.#core.instanceViews();
  }

  /** Newest first, with how many live instances are on each. */
  versions(): VersionView[] {
    return versionViews(this.#core.mustRow(), listVersions(this.#core.db), this.#core.deployments.all());
  }

  /** Makes a stored version the one that runs. What runs another revision is replaced from here on. */
  activate(version: number, guard: WriteGuard | null = null, grant: Grant | null = null): ApplicationView {
    this.#core.specification.activate(this.#core.mustRow(), version, guard, grant, Date.now());
    return this.#core.mustView();
  }

  /** Acts on an instance by its public id, its name or its deployment's id. Null when there is none. */
  act(key: string, action: InstanceAction, actor: string, guard: WriteGuard | null = null): InstanceView | null {
    return this.#core.act(this.#core.find(key), actor, guard, (deployment, context) =>
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
    return this.#core.act(this.#core.deployments.get(deploymentId), actor, guard, (deployment, context) =>
      decideReplacement(deployment, generation, context, Date.now()),
    );
  }

  /** Destroys a deployment; the view has the one that is placed in its stead, and nothing when it is not there. */
  async recreate(id: string, actor: string, guard: WriteGuard): Promise<DeploymentsView> {
    await this.#core.knowPlaces();
    const known = new Set(this.#core.deployments.all().map((deployment) => deployment.id));
    const isDone = this.act(id, "destroy", actor, guard) !== null;
    const others = this.#core.deployments.all().filter((deployment) => !isLeaving(deployment) && deployment.id !== id);
    // An earlier try of this request has placed it: it is the youngest.
    const isKnown = !others.some((deployment) => !known.has(deployment.id));
    const candidates = others.filter((deployment) => isKnown || !known.has(deployment.id));
    const youngest = candidates.toSorted((a, b) => b.createdAt - a.createdAt).slice(0, 1);
    const instances = isDone || guard.isRetry ? this.#core.instanceViews(youngest) : [];
    return { application: this.#core.mustView(), instances };
  }

  /** What a pass would do now, without doing it. */
  async planned(): Promise<PlannedView> {
    await this.#core.knowPlaces();
    return this.#core.planned();
  }

  /** Live instances by location, for an application that wants to be near. */
  instancesByLocation(): Record<string, number> {
    return this.#core.row() === undefined ? {} : this.#core.instancesByLocation();
  }

  /** Null when there is no such application, or it is being deleted. */
  deployments(): DeploymentsView | null {
    const row = this.#core.row();
    if (row === undefined || row.deleting) return null;
    return { application: this.#core.viewOf(row), instances: this.#core.instanceViews() };
  }

  /** Newest first; those that have ended as far as their events are kept. */
  placements(deploymentId: string): PlacementView[] {
    this.#core.mustRow();
    const { events } = listEvents(this.#core.db, 0, EVENTS_KEPT, { deployment: deploymentId });
    return placementsOf(deploymentId, this.#core.deployments.get(deploymentId), events);
  }

  /** The newest stored configuration, active or not: what a partial one is merged over. */
  newest(): { readonly version: number; readonly configuration: StoredConfiguration } {
    this.#core.mustRow();
    const [newest] = listVersions(this.#core.db);
    if (newest === undefined) throw new Error("no version is stored");
    return { version: newest.version, configuration: newest.configuration };
  }

  events(cursor: number, limit: number, filter: EventFilter): EventPage {
    this.#core.mustRow();
    return listEvents(this.#core.db, cursor, limit, filter);
  }

  /** A WebSocket with the events after a cursor. The only use of this object's `fetch`. */
  override fetch(request: Request): Response {
    const watch = watchOf(request);
    try {
      this.#core.mustRow();
      return new Response(null, { status: 101, webSocket: this.#core.eventSockets.accept(watch.cursor, watch.filter) });
    } catch (error) {
      return refusalOf(error);
    }
  }

  override webSocketMessage(socket: WebSocket): void {
    this.#core.eventSockets.refuse(socket);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#core.eventSockets.release(socket);
  }

  /** Null when there is no such application, or it is being deleted. */
  metrics(): ApplicationSample | null {
    const row = this.#core.row();
    if (row === undefined || row.deleting) return null;
    return applicationSample(
      this.#core.viewOf(row),
      this.#core.instanceViews(),
      eventTotals(this.#core.db),
      this.billing(),
    );
  }

  /** Where it uses what its account keeps; empty also when there is no such application. */
  uses(reference: Reference): string[] {
    const row = this.#core.row();
    if (row === undefined || row.deleting) return [];
    return usesOf(row, this.#core.deployments.all(), (version) => this.#core.configuration(version), reference);
  }

  /** Something that it waits for may be had. */
  async capacityFreed(): Promise<void> {
    this.#core.capacity.poke();
    this.#core.pass();
  }

  /** From now on it begins only what its account grants. What it holds; null when there is no such application. */
  async enlist(): Promise<Statement | null> {
    const held = this.#core.capacity.enlist();
    this.#core.pass();
    return held;
  }

  /** Stops what is above a ceiling, for applications of a higher priority. How many that are. */
  async makeRoom(order: EvictionOrder): Promise<number> {
    return this.#core.row() === undefined ? 0 : this.#core.scheduler.makeRoom(order);
  }

  /** Instances of another application are being stopped for this one. */
  async roomMade(application: string, location: string, count: number): Promise<void> {
    if (this.#core.row() !== undefined) tellRoomMade(this.#core.db, { application, location, count }, Date.now());
  }

  /** An instance says how it is, and hears whether it is still wanted. */
  report(deploymentId: string, generation: number, report: Report): ReportReply {
    const row = this.#core.row();
    if (row === undefined) return { owned: false, checkEveryMs: 0 };
    const owned = this.#core.scheduler.observe(deploymentId, generation, report);
    return { owned, checkEveryMs: row.spec.checkEveryMs };
  }

  /** Where requests may go. Waits up to `waitMs` for the first ready instance when there is none. */
  async routing(waitMs: number): Promise<Routing | null> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const row = this.#core.row();
      if (row === undefined || row.deleting) return null;
      const routing = routingOf(
        row,
        this.#core.version(row.activeVersion).spec,
        this.#core.deployments.all(),
        this.#core.publicId,
      );
      const leftMs = deadline - Date.now();
      if (routing.members.length > 0 || row.spec.instances === 0 || leftMs <= 0) return routing;
      if (this.#core.waiters.isFull) {
        const message = `application ${row.name}: too many requests wait for a ready instance; try again later`;
        throw new GantryError("QUEUE_FULL", message, { application: row.name });
      }
      await this.#core.waiters.wait(leftMs);
    }
  }

  /** Where one instance is, by any of its names, and whether it may be called. Null when there is no application. */
  instanceRouting(key: string): InstanceRouting | null {
    const row = this.#core.row();
    if (row === undefined || row.deleting) return null;
    const deployment = this.#core.find(key);
    if (deployment === undefined) return instanceRoutingOf(row, null);
    const { id, slot } = deployment;
    const { version, spec } = this.#core.version(deployment.version === 0 ? row.activeVersion : deployment.version);
    const names = { deploymentId: id, instanceId: this.#core.publicId(id), instanceName: instanceName(row.name, slot) };
    const source = { configuration: version.configuration, spec };
    return instanceRoutingOf(row, addressedInstance(deployment, source, names, Date.now()));
  }

  /** Its deployments and their current placements; empty when there is no such application. */
  generations(): Record<string, number> {
    if (this.#core.row() === undefined) return {};
    return Object.fromEntries(this.#core.deployments.all().map(({ id, generation }) => [id, generation]));
  }

  override async alarm(): Promise<void> {
    if (this.#core.gone) return;
    await this.#core.timers.fire(Date.now(), async (key) => {
      if (key === PASS_TIMER) this.#core.pass();
    });
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#core.db.rowsWritten, alarmsSet: this.#core.timers.alarmsSet };
  }
}
