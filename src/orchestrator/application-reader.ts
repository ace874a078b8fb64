/**
 * What the API and the Worker read of an application, and wait for. Where an application has several objects, the first of
 * them asks the others and answers for all; what belongs to one instance it asks the one that has it.
 */
import { sumOf, type Usage as EgressUsage } from "../egress/told.ts";
import type { Usage } from "../account/amounts.ts";
import type { BridgeTarget } from "../bridge/router.ts";
import { GantryError } from "../errors.ts";
import { applicationSample, type ApplicationSample } from "../metrics/application-sample.ts";
import { requireVersion } from "./commands.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { isReady, type ApplicationCondition } from "./conditions.ts";
import { EVENTS_KEPT, eventTotals, listEvents } from "./events.ts";
import type { EventFilter, EventPage } from "./events.ts";
import type { InstanceState } from "./health.ts";
import { addressedInstance, instanceRoutingOf, type InstanceRouting } from "./instance-routing.ts";
import { usesOfJobs } from "../jobs/job-images.ts";
import { listSchedules } from "../jobs/schedules/schedule-store.ts";
import { usesOf, usesOfSchedules, type Reference } from "./references.ts";
import { currentLease, type Lease } from "./leases.ts";
import { placementsOf, type PlacementView } from "./placements.ts";
import { type Deployment } from "./plan/deployment.ts";
import { routingOf, takesRequests, type Routing } from "./routing.ts";
import { nameOf } from "./names.ts";
import { listVersions, type ApplicationRow, type Version } from "./storage/application-row.ts";
import { usageWith } from "./start/sizes.ts";
import { withSpares, wantedOf } from "./warm.ts";
import {
  versionViews,
  type ApplicationView,
  type DeploymentsView,
  type InstanceView,
  type PlannedView,
  type VersionView,
} from "./views.ts";
import { waitUntil, type Waited } from "./waits.ts";
import { ApplicationObject } from "./application-object.ts";
import { inSlotOrder, mergedPlan } from "./shards/merge.ts";
import { summed } from "./shards/summary.ts";
import { describeError } from "../errors.ts";
import { ownerOf } from "./shards/owner.ts";

export class ApplicationReader extends ApplicationObject {
  /** Also while it is being deleted: its name and id are not free yet. */
  exists(): boolean {
    return this.core.row() !== undefined;
  }

  /** What it holds of its account's limits. Null when there is no such application, or it is being deleted. */
  usage(): Usage | null {
    const row = this.core.row();
    return row === undefined || row.deleting ? null : usageWith(this.core, row);
  }

  /** Null when there is no such application, or it is being deleted. */
  async view(): Promise<ApplicationView | null> {
    await this.core.shards.refresh();
    return this.core.viewNow();
  }

  /** Throws `VERSION_NOT_FOUND`. */
  configurationOf(version: number): Version {
    return requireVersion(this.core.db, this.core.mustRow(), version);
  }

  lease(): Lease | null {
    this.core.mustRow();
    return currentLease(this.core.db, Date.now());
  }

  async waitForApplication(condition: ApplicationCondition, timeoutMs: number): Promise<Waited<ApplicationView>> {
    const isReached = (view: ApplicationView) => {
      if (condition === "settled") return this.core.views.isSettled(this.core.mustRow());
      return condition === "ready" ? isReady(view.health, wantedOf(view.row.spec)) : view.state === condition;
    };
    await this.core.shards.refresh();
    // From here on the shards say what changes.
    return await waitUntil(this.core.changes, () => this.core.viewNow(), isReached, timeoutMs);
  }

  async waitForInstance(key: string, state: InstanceState, timeoutMs: number): Promise<Waited<InstanceView>> {
    const owner = await ownerOf(this.env, this.core, key);
    if (owner !== null && owner !== 0) {
      const absent: Waited<InstanceView> = { isReached: false, view: null };
      const ask = async (k: number): Promise<Waited<InstanceView>> =>
        await this.shardOf(k).waitForInstance(key, state, timeoutMs);
      return await this.core.shards.ask(owner, ask, absent);
    }
    const look = () => {
      const row = this.core.row();
      if (row === undefined || row.deleting) return null;
      const deployment = this.core.find(key);
      return deployment === undefined ? null : (this.core.views.instances(row, [deployment])[0] ?? null);
    };
    return await waitUntil(this.core.changes, look, (view) => view.state === state, timeoutMs);
  }

  async instances(): Promise<InstanceView[]> {
    this.core.mustRow();
    const others = await this.core.shards.askAll(async (k): Promise<InstanceView[]> => {
      return await this.shardOf(k).instances();
    });
    return inSlotOrder([this.core.views.instances(this.core.mustRow()), ...others]);
  }

  /** Newest first, with how many live instances are on each. */
  async versions(): Promise<VersionView[]> {
    await this.core.shards.refresh();
    const row = this.core.mustRow();
    return versionViews(row, listVersions(this.core.db), this.core.views.whole(row).live);
  }

  /** What a pass would do now, without doing it. */
  async planned(): Promise<PlannedView> {
    await this.core.shards.refresh();
    const others = await this.core.shards.askAll(async (k): Promise<PlannedView> => await this.shardOf(k).planned());
    await this.core.places.know();
    const { application, plan, instances } = this.core.planned();
    return {
      application,
      plan: mergedPlan([plan, ...others.map((other) => other.plan)]),
      instances: inSlotOrder([instances, ...others.map((other) => other.instances)]),
    };
  }

  /** Live instances by location, for an application that wants to be near. */
  async instancesByLocation(): Promise<Record<string, number>> {
    await this.core.shards.refresh();
    const row = this.core.row();
    return row === undefined ? {} : { ...this.core.views.whole(row).locations };
  }

  /** Null when there is no such application, or it is being deleted. */
  async deployments(): Promise<DeploymentsView | null> {
    const application = await this.view();
    return application === null ? null : { application, instances: await this.instances() };
  }

  /** Newest first; those that have ended as far as their events are kept. */
  async placements(deploymentId: string): Promise<PlacementView[]> {
    this.core.mustRow();
    const owner = (await ownerOf(this.env, this.core, deploymentId)) ?? 0;
    const current =
      owner === 0
        ? this.core.deployments.get(deploymentId)
        : await this.core.shards
            .ask(owner, async (k): Promise<Deployment[]> => await this.shardOf(k).rows(deploymentId), [])
            .then(([deployment]) => deployment);
    await this.core.shards.refreshOne(owner);
    this.core.mustRow();
    const { events } = listEvents(this.core.db, 0, EVENTS_KEPT, { deployment: deploymentId });
    return placementsOf(deploymentId, current, events);
  }

  /** The newest stored configuration, active or not: what a partial one is merged over. */
  newest(): { readonly version: number; readonly configuration: StoredConfiguration } {
    this.core.mustRow();
    const [newest] = listVersions(this.core.db);
    if (newest === undefined) throw new Error("no version is stored");
    return { version: newest.version, configuration: newest.configuration };
  }

  async events(cursor: number, limit: number, filter: EventFilter): Promise<EventPage> {
    await this.core.shards.refresh();
    this.core.mustRow();
    return listEvents(this.core.db, cursor, limit, filter);
  }

  /** Null when there is no such application, or it is being deleted. */
  async metrics(): Promise<ApplicationSample | null> {
    const view = await this.deployments();
    if (view === null) return null;
    const others = await this.core.shards.askAll(async (k) => {
      const [costs, usage] = await Promise.all([this.shardOf(k).billing(), this.shardOf(k).egressUsage()]);
      return { costs: { ...costs }, usage };
    });
    const costs = summed([this.billing(), ...others.map((one) => one.costs)]);
    const usage = others.map((one): EgressUsage => one.usage).reduce(sumOf, this.egressUsage());
    return applicationSample(view.application, view.instances, eventTotals(this.core.db), usage, {
      rowsWritten: costs["rowsWritten"] ?? 0,
      alarmsSet: costs["alarmsSet"] ?? 0,
    });
  }

  /** Where it uses what its account keeps; empty also when there is no such application. */
  async uses(reference: Reference): Promise<string[]> {
    const row = this.core.row();
    if (row === undefined || row.deleting) return [];
    const configured = usesOf(
      row,
      this.core.deployments.all(),
      (version) => this.core.configuration(version),
      reference,
    );
    const scheduled = usesOfSchedules(row.name, listSchedules(this.core.db), reference);
    const queued = reference.kind === "image" ? usesOfJobs(this.core.db, row.name, reference.name) : [];
    const own = [...configured, ...scheduled, ...queued];
    const others = await this.core.shards.askAll(async (k): Promise<string[]> => await this.shardOf(k).uses(reference));
    return [...new Set([...own, ...others.flat()])];
  }

  /** Those that it has beside its own; none when there is no such application. */
  hostnames(): string[] {
    const row = this.core.row();
    return row === undefined || row.deleting ? [] : [...(row.spec.hostnames ?? [])];
  }

  /** Where requests may go. Waits up to `waitMs` for the first ready instance when there is none. */
  async routing(waitMs: number): Promise<Routing | null> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const row = this.core.row();
      if (row === undefined || row.deleting) return null;
      const seen = this.core.waiters.wakes;
      const { spec } = this.core.version(row.activeVersion);
      const own = routingOf(row, spec, this.core.deployments.all(), this.core.publicId, this.isTarget);
      const others = await this.#othersMembers();
      // A shard may not have heard yet who takes requests now.
      const all = [...own.members, ...others.filter((one) => takesRequests(row.rollout, one.isTarget === true))];
      const routing = { ...own, members: own.desired === 0 ? [] : withSpares(all, row.spec.instances) };
      const leftMs = deadline - Date.now();
      if (routing.members.length > 0 || routing.desired === 0 || leftMs <= 0) return routing;
      if (this.core.waiters.isFull) {
        const message = `application ${row.name}: too many requests wait for a ready instance; try again later`;
        throw new GantryError("QUEUE_FULL", message, { application: row.name });
      }
      // Who waits while requests are handed on to another version says nothing about how many instances are needed.
      const isLoad = row.rollout?.traffic.kind !== "none";
      if (isLoad) this.core.poolWaiters += 1;
      try {
        if (isLoad) this.core.autoscaler.look();
        await this.core.waiters.wait(leftMs, seen);
      } finally {
        if (isLoad) this.core.poolWaiters -= 1;
      }
    }
  }

  /** One that does not answer has none for now: what runs there is found again with the next snapshot. */
  async #othersMembers(): Promise<Routing["members"]> {
    const others = await this.core.shards.askAll(async (k): Promise<Routing["members"]> => {
      try {
        const routing: Routing | null = await this.shardOf(k).routing(0);
        return routing?.members ?? [];
      } catch (error) {
        console.warn({ message: "application.shard.unrouted", shard: k, error: describeError(error) });
        return [];
      }
    });
    return others.flat();
  }

  /** What its containers call over the bridge. Null when there is no such application. */
  bridgeTarget(): BridgeTarget | null {
    const row = this.core.row();
    if (row === undefined) return null;
    const { bridge, jobInstances = 0 } = row.spec;
    return { application: row.name, binding: bridge?.binding ?? null, runsJobs: jobInstances > 0 };
  }

  /** Where one instance is, by any of its names, and whether it may be called. Null when there is no application. */
  async instanceRouting(key: string): Promise<InstanceRouting | null> {
    const row = this.core.row();
    if (row === undefined || row.deleting) return null;
    const owner = await ownerOf(this.env, this.core, key);
    if (owner !== null && owner !== 0) {
      const ask = async (k: number): Promise<InstanceRouting | null> => await this.shardOf(k).instanceRouting(key);
      const found = await this.core.shards.ask(owner, ask, null);
      return instanceRoutingOf(row, found?.instance ?? null);
    }
    const deployment = this.core.find(key);
    return deployment === undefined ? instanceRoutingOf(row, null) : this.#routingOf(row, deployment);
  }

  /**
   * The same, of the instance that is called by that name: made when there is none, started when it sleeps, and waited
   * for. Throws why it takes no requests.
   */
  async callInstance(name: string, waitMs: number): Promise<InstanceRouting> {
    const deployment = await this.core.named.call(name, waitMs);
    return this.#routingOf(this.core.mustRow(), deployment);
  }

  #routingOf(row: ApplicationRow, deployment: Deployment): InstanceRouting {
    const { id } = deployment;
    const { version, spec } = this.core.version(deployment.version === 0 ? row.activeVersion : deployment.version);
    const names = { deploymentId: id, instanceId: this.core.publicId(id), instanceName: nameOf(row.name, deployment) };
    const source = { configuration: version.configuration, spec };
    return instanceRoutingOf(row, addressedInstance(deployment, source, names, Date.now()));
  }

  /** Its deployments and their current placements; empty when there is no such application. */
  async generations(): Promise<Record<string, number>> {
    if (this.core.row() === undefined) return {};
    const others = await this.core.shards.askAll(async (k): Promise<Record<string, number>> => {
      return await this.shardOf(k).generations();
    });
    const own = this.core.deployments.all().map(({ id, generation }) => [id, generation] as const);
    return Object.assign(Object.fromEntries(own), ...others);
  }
}
