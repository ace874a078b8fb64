/**
 * The Application object: the scheduler of one application. A shell: its methods turn calls into rows and a pass, by way
 * of what `application-core.ts` wires together. Where an application has several objects this is the first of them: what
 * is written here the others follow (`shards/coordinator.ts`), and what is done to their instances they do.
 */
import type { Enlisted, Statement } from "../account/capacity/statement.ts";
import type { Grant } from "../account/ledger.ts";
import { countChange } from "./change-plan.ts";
import { newDeploymentId } from "./deployment-id.ts";
import { emptySlot } from "./intents.ts";
import {
  applyCreate,
  applyDelete,
  type ApplicationPatch,
  type ApplicationPut,
  type NewApplication,
} from "./commands.ts";
import { decideAction, decideReplacement, type ActionContext, type InstanceAction } from "./instance-actions.ts";
import { releaseLease, takeLease, type Lease, type LeaseRequest } from "./leases.ts";
import { desiredPlace } from "./placement/desired-place.ts";
import { isLeaving, type Deployment } from "./plan/deployment.ts";
import type { Desired } from "./plan/selection.ts";
import { withinGrant } from "./usage.ts";
import {
  applicationView,
  type ApplicationView,
  type DeploymentsView,
  type InstanceView,
  type PutPreview,
} from "./views.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";
import { wantedOf } from "./warm.ts";
import { objectName, shardsIn } from "./shards/sharding.ts";

import { ownerOf } from "./shards/owner.ts";
import { act } from "./act.ts";
import { ApplicationEgress } from "./application-egress.ts";
import { masterKeys } from "../sealing.ts";
import { resealChoices } from "./start/kept.ts";
import { forgetSnapshot, keepSnapshot, snapshotsOf } from "./start/snapshot-instance.ts";
import type { StoredSnapshot } from "./start/snapshots.ts";
import { nameToStart, startInstance, type StartRequest } from "./start/start-instance.ts";

export class Application extends ApplicationEgress {
  /** Creates the application, or returns the one that an earlier try with the same id has made. */
  async create(input: NewApplication, grant: Grant | null = null): Promise<ApplicationView> {
    if (this.core.row() === undefined) {
      try {
        withinGrant(this.core.db, grant, Date.now(), () => {
          applyCreate(this.core.db, input, this.env.GANTRY_SESSION, Date.now(), shardsIn(this.env.GANTRY_SHARDS));
        });
      } catch (error) {
        this.core.forgetVersions();
        throw error;
      }
      // In the same turn, so that it is kept with the rest or not at all.
      if (input.kind === "deployment") this.#openSlot(input, grant);
      this.core.places.learn(grant?.locations);
      this.core.pass();
      this.core.autoscaler.changed();
      this.core.shards.begin();
    }
    return await this.#written();
  }

  /** The view as it is when all shards have followed what was written in this turn. */
  async #written(): Promise<ApplicationView> {
    const row = this.core.mustRow();
    await this.core.shards.followed();
    return this.core.views.application(row);
  }

  #openSlot({ id, configuration: { location } }: NewApplication, grant: Grant | null): void {
    const known = grant?.locations?.find(({ code }) => code === location);
    const place = known === undefined ? null : { region: known.region, jurisdiction: null };
    this.core.deployments.put(emptySlot(newDeploymentId(id, place), 0, 1, known?.code, Date.now()));
  }

  async patch(patch: ApplicationPatch, guard: WriteGuard | null, grant: Grant | null = null): Promise<ApplicationView> {
    const before = this.core.mustRow();
    this.core.specification.patch(before, patch, guard, grant, Date.now());
    await this.publishChange(before);
    return await this.#written();
  }

  /** The whole specification: stored, and what it says runs from here on. */
  async put(put: ApplicationPut, guard: WriteGuard, grant: Grant | null = null): Promise<ApplicationView> {
    await this.core.shards.refresh().catch(() => undefined);
    const before = this.core.mustRow();
    this.core.specification.put(before, put, guard, grant, Date.now());
    await this.publishChange(before);
    return await this.#written();
  }

  /** What `put` would do, without doing any of it. */
  async previewPut(put: ApplicationPut, guard: WriteGuard, isDryRun: boolean): Promise<PutPreview> {
    const others = await this.core.shards.askAll(async (k): Promise<Deployment[]> => await this.shardOf(k).rows());
    const deployments = [...this.core.deployments.all(), ...others.flat()];
    const { row, version } = this.core.specification.preview(this.core.mustRow(), put, guard, isDryRun, Date.now());
    const revisionOf = (number: number) => this.core.version(number).version.revision;
    const desired: Desired = {
      instances: wantedOf(row.spec),
      version: row.activeVersion,
      isOutdated: (number) => number !== version.version && revisionOf(number) !== version.revision,
      strategy: "rolling",
      deleting: false,
      ...desiredPlace(row),
    };
    return {
      before: this.core.mustView(),
      after: applicationView(row, version.configuration, deployments, this.core.publicId),
      instances: countChange(deployments, desired, Date.now()),
    };
  }

  /** A patch of a standalone deployment: its configuration runs at once, in the same deployment. */
  async replace(patch: ApplicationPatch, guard: WriteGuard, grant: Grant | null = null): Promise<ApplicationView> {
    this.core.specification.replace(this.core.mustRow(), patch, guard, grant, Date.now());
    return await this.#written();
  }

  takeLease(nonce: string | null, request: LeaseRequest): Lease {
    this.core.mustRow();
    return takeLease(this.core.db, nonce, request, Date.now());
  }

  /** False when nobody holds one. */
  releaseLease(nonce: string | null, force: boolean): boolean {
    this.core.mustRow();
    return releaseLease(this.core.db, nonce, force, Date.now());
  }

  /** Stops everything; the object erases itself when the last container is gone. Deleting twice is no error. */
  delete(guard: WriteGuard | null): boolean {
    return this.beginDelete(guard) !== "missing";
  }

  /** As `delete`; of several who do it at once, one hears that it was him. */
  beginDelete(guard: WriteGuard | null): "begun" | "underway" | "missing" {
    const row = this.core.row();
    if (row === undefined) return "missing";
    if (row.deleting) return "underway";
    requireGuard(this.core.db, row, guard, Date.now());
    applyDelete(this.core.db, row, Date.now());
    this.core.waiters.wake();
    this.core.shards.begin();
    this.core.pass();
    return "begun";
  }

  /** Makes a stored version the one that runs. What runs another revision is replaced from here on. */
  async activate(
    version: number,
    guard: WriteGuard | null = null,
    grant: Grant | null = null,
  ): Promise<ApplicationView> {
    this.core.specification.activate(this.core.mustRow(), version, guard, grant, Date.now());
    return await this.#written();
  }

  /** Acts on an instance by its public id, its name or its deployment's id. Null when there is none. */
  async act(
    key: string,
    action: InstanceAction,
    actor: string,
    guard: WriteGuard | null = null,
    signal?: number,
  ): Promise<InstanceView | null> {
    const owner = await ownerOf(this.env, this.core, key);
    if (owner !== null && owner !== 0) {
      const own = this.#handedOn(guard);
      const ask = async (k: number): Promise<InstanceView | null> =>
        await this.shardOf(k).act(key, action, actor, own, signal);
      return await this.core.shards.ask(owner, ask, null);
    }
    const decide = (deployment: Deployment, context: ActionContext) =>
      decideAction(deployment, action, context, Date.now());
    return act(this.core, this.core.find(key), actor, guard, decide, signal);
  }

  /**
   * Starts what is called by that name with what its caller has chosen, and waits until it has begun, or takes requests.
   * Null when there is no such instance and there may be none.
   */
  async startChosen(request: StartRequest, guard: WriteGuard | null = null): Promise<InstanceView | null> {
    requireGuard(this.core.db, this.core.mustRow(), guard, Date.now());
    const owner = await ownerOf(this.env, this.core, request.key);
    const name = nameToStart(this.core, request, owner);
    if (name === null) return null;
    const deployment = await startInstance(this.core, this.env, name, request);
    return this.core.views.instances(this.core.mustRow(), [deployment])[0] ?? null;
  }

  /** Keeps the disk of the one that is called so, which runs, under a name. */
  async snapshot(instance: string, name: string): Promise<StoredSnapshot> {
    return await keepSnapshot(this.core, this.env, instance, name);
  }

  snapshots(instance: string): readonly StoredSnapshot[] {
    return snapshotsOf(this.core, instance);
  }

  /** False when there is none. */
  deleteSnapshot(instance: string, name: string): boolean {
    return forgetSnapshot(this.core, instance, name);
  }

  /** What instances were started with is sealed by the newest key. */
  async resealChoices(): Promise<{ readonly resealed: number; readonly unreadable: readonly string[] }> {
    const row = this.core.row();
    if (row === undefined) return { resealed: 0, unreadable: [] };
    return await resealChoices(this.core.db, masterKeys(this.env), row.id);
  }

  /** A new placement in a deployment, if `generation` is its current one. Null when there is no such deployment. */
  async replacePlacement(
    deploymentId: string,
    generation: number,
    actor: string,
    guard: WriteGuard | null = null,
  ): Promise<InstanceView | null> {
    const owner = await ownerOf(this.env, this.core, deploymentId);
    if (owner !== null && owner !== 0) {
      const own = this.#handedOn(guard);
      const ask = async (k: number): Promise<InstanceView | null> =>
        await this.shardOf(k).replacePlacement(deploymentId, generation, actor, own);
      return await this.core.shards.ask(owner, ask, null);
    }
    return act(this.core, this.core.deployments.get(deploymentId), actor, guard, (deployment, context) =>
      decideReplacement(deployment, generation, context, Date.now()),
    );
  }

  /** Destroys a deployment; the view has the one that is placed in its stead, and nothing when it is not there. */
  async recreate(id: string, actor: string, guard: WriteGuard): Promise<DeploymentsView> {
    const owner = await ownerOf(this.env, this.core, id);
    if (owner !== null && owner !== 0) {
      const own = this.#handedOn(guard) ?? guard;
      const ask = async (k: number): Promise<DeploymentsView> => await this.shardOf(k).recreate(id, actor, own);
      const made = await this.core.shards.ask(owner, ask, { instances: [] });
      return { application: this.core.mustView(), instances: made.instances };
    }
    await this.core.places.know();
    const known = new Set(this.core.deployments.all().map((deployment) => deployment.id));
    const isDone = (await this.act(id, "destroy", actor, guard)) !== null;
    const others = this.core.deployments.all().filter((deployment) => !isLeaving(deployment) && deployment.id !== id);
    // An earlier try of this request has placed it: it is the youngest.
    const isKnown = !others.some((deployment) => !known.has(deployment.id));
    const candidates = others.filter((deployment) => isKnown || !known.has(deployment.id));
    const youngest = candidates.toSorted((a, b) => b.createdAt - a.createdAt).slice(0, 1);
    const instances = isDone || guard.isRetry ? this.core.views.instances(this.core.mustRow(), youngest) : [];
    return { application: this.core.mustView(), instances };
  }

  /**
   * From now on it begins only what its account grants. What it and its shards hold; null when there is no such
   * application. Throws when one of them cannot be asked.
   */
  async enlist(): Promise<Enlisted | null> {
    const held = this.enlistOwn();
    if (held === null) return null;
    const { id } = this.core.mustStored();
    // A shard that is just being made is made as one that has to ask.
    this.core.shards.begin();
    await this.core.shards.followed();
    const shards = await this.core.shards.askAll(async (k) => {
      const own: Statement | null = await this.shardOf(k).enlistOwn();
      return { claimant: objectName(id, k), held: own ?? this.core.shards.mustBeGone(k) };
    });
    return {
      ...held,
      shards: shards.flatMap(({ claimant, held: own }) => (own === null ? [] : [{ claimant, held: own }])),
    };
  }

  /** What has been seen to here. */
  #handedOn(guard: WriteGuard | null): WriteGuard | null {
    requireGuard(this.core.db, this.core.mustRow(), guard, Date.now());
    return guard === null ? null : { ...guard, ifMatch: null, lease: null };
  }
}
