/**
 * The scheduler object of an application, or of a shard of it: what its instances, its account, its other shards and the
 * platform call. What the API calls is in `application.ts`.
 */
import { DurableObject } from "cloudflare:workers";
import type { EvictionOrder, Statement } from "../account/capacity/statement.ts";
import { ApplicationCore } from "./application-core.ts";
import { tellRoomMade } from "./capacity/evict.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { Report } from "./plan/observe.ts";
import { appendEvents } from "./events.ts";
import { HOOKS_TIMER } from "./hooks/hook-outbox.ts";
import { CRON_TIMER } from "../jobs/schedules/schedule-control.ts";
import { TASKS_TIMER } from "../jobs/tasks/task-runner.ts";
import { resultRefused } from "../jobs/job-events.ts";
import { findPlacedAttempt } from "../jobs/job-store.ts";
import type { PreparationView } from "../registry/images/progress.ts";
import type { EgressNow } from "../egress/policy/policy.ts";
import { NO_USAGE, type Usage } from "../egress/told.ts";
import { egressDigest, egressNow } from "./egress/now.ts";
import { publishEgress, type Published } from "./egress/publish.ts";
import { isTargetOf } from "./rollouts/switchover.ts";
import { isMember, takesRequests } from "./routing.ts";
import { PASS_TIMER } from "./scheduler.ts";
import type { ReportReply } from "./scheduler-deps.ts";
import type { LoadReport } from "./autoscaling/autoscaler.ts";
import { QUIET_TIMER, SCALE_TIMER } from "./autoscaling/quiet.ts";
import { SHARDS_TIMER } from "./shards/coordinator.ts";
import { applyOrder } from "./shards/follow.ts";
import { TELL_TIMER } from "./shards/forwarder.ts";
import type { Followed, News, Order, Told } from "./shards/protocol.ts";
import { listVersions, type ApplicationRow } from "./storage/application-row.ts";
import { refusalOf, watchOf } from "./watch-request.ts";
import { shardStub } from "../stubs.ts";

export class ApplicationObject extends DurableObject<Env> {
  protected readonly core: ApplicationCore;

  // A property, and no method: those can be called from outside.
  protected readonly shardOf = (shard: number) => shardStub(this.env, this.core.mustStored().id, shard);

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.core = new ApplicationCore(ctx, env);
  }

  /** An instance says how it is, and hears whether it is still wanted. */
  async report(deploymentId: string, generation: number, report: Report): Promise<ReportReply> {
    const row = this.core.row();
    if (row === undefined) return { owned: false, checkEveryMs: 0 };
    const owned = await this.core.scheduler.hear({ deploymentId, generation, report });
    const { checkEveryMs, autoscaling } = (this.core.row() ?? row).spec;
    const isOutdated = this.core.scheduler.isNamedBehind(deploymentId);
    return {
      owned,
      checkEveryMs,
      ...(autoscaling == null ? {} : { reportsLoad: true }),
      ...(isOutdated ? { isOutdated } : {}),
      ...egressTold(this.core.row() ?? row),
    };
  }

  /** What its instances may reach. Of what is gone, nothing. */
  egressNow(): EgressNow {
    const row = this.core.row();
    return row === undefined ? { seq: Number.MAX_SAFE_INTEGER, policy: null } : egressNow(row);
  }

  /** What the instances of this object have asked the outside for. */
  egressUsage(): Usage {
    return this.core.row() === undefined ? NO_USAGE : this.core.egress.usage;
  }

  /** Tells the instances of this object what they may reach, before their next request as far as they answer. */
  async publishEgress(): Promise<Published> {
    const row = this.core.row();
    if (row === undefined) return { told: 0, pending: [], restart: [] };
    return await publishEgress(this.env, this.core.deployments.all(), egressNow(row));
  }

  /** A placement that has ended said a result, which counts no more. */
  resultRefused(deploymentId: string, generation: number): void {
    const { core } = this;
    if (core.row() === undefined) return;
    const attempt = findPlacedAttempt(core.db, deploymentId, generation);
    appendEvents(core.db, [resultRefused(deploymentId, generation, attempt)], Date.now());
    core.forwarder.soon();
  }

  /** How an image goes on that its launches wait for. */
  imageProgress(view: PreparationView): void {
    this.core.images.progress(view);
    this.core.forwarder.soon();
  }

  /** Something that it waits for may be had. */
  async capacityFreed(): Promise<void> {
    this.core.capacity.poke();
    this.core.pass();
  }

  /** From now on it begins only what its account grants. What it holds; null when there is no such application. */
  enlistOwn(): Statement | null {
    const held = this.core.capacity.enlist();
    this.core.pass();
    return held;
  }

  /** Stops what is above a ceiling, for applications of a higher priority. How many that are. */
  async makeRoom(order: EvictionOrder): Promise<number> {
    return this.core.row() === undefined ? 0 : this.core.scheduler.makeRoom(order);
  }

  /** Instances of another application are being stopped for this one. */
  async roomMade(application: string, location: string, count: number): Promise<void> {
    if (this.core.row() === undefined) return;
    tellRoomMade(this.core.db, { application, location, count }, Date.now());
    this.core.forwarder.soon();
  }

  /** Shard 0 says what this shard is to do. Older than what is known here, it changes nothing. */
  follow(order: Order): Followed {
    const { core } = this;
    if (!core.gone && applyOrder(core.db, order, this.env.GANTRY_SESSION)) {
      core.forgetVersions();
      core.followed(order);
    }
    // An earlier lifetime that heard it may have died before it sent what it intended.
    else core.pass();
    const row = core.row();
    if (row === undefined) {
      const { generation, sharding } = order.row;
      return { generation, turn: sharding?.turn ?? 0, version: 0, isGone: !core.gone, summary: null };
    }
    return {
      generation: row.generation,
      turn: row.sharding?.turn ?? 0,
      version: listVersions(core.db)[0]?.version ?? 0,
      isGone: false,
      summary: core.views.summary(row),
    };
  }

  /** Shard 0 asks what has happened here after an event. */
  news(after: number): News {
    return this.core.forwarder.news(after, this.core.row(), false);
  }

  /** A shard tells this one, which is shard 0, what has happened there. */
  told(news: News): Told {
    return this.core.shards.told(news);
  }

  // A property, for the same reason.
  protected readonly isTarget = (version: number): boolean => {
    const { rollout } = this.core.row() ?? {};
    if (rollout === undefined) return false;
    return isTargetOf(rollout, version, (number) => this.core.version(number).version.revision);
  };

  /** One of its instances turns requests to the pool away, as it was told: whether it may answer them again. */
  mayServe(deploymentId: string): boolean {
    const row = this.core.row();
    const deployment = this.core.deployments.get(deploymentId);
    if (row === undefined || deployment === undefined) return false;
    // As a snapshot of this moment would say it: what a rollout has left behind is out of traffic in other ways by then.
    return isMember(deployment) && takesRequests(row.rollout, this.isTarget(deployment.version));
  }

  /** What one of its instances, of any shard, has under way. */
  load(deploymentId: string, load: LoadReport): void {
    this.core.autoscaler.report(deploymentId, load);
  }

  /** Deployments of this object, as they are: all, or the one of that id. */
  rows(id?: string): Deployment[] {
    if (this.core.row() === undefined) return [];
    return this.core.deployments.all().filter((deployment) => id === undefined || deployment.id === id);
  }

  /** Whether one of them is called so. */
  has(key: string): boolean {
    return this.core.find(key) !== undefined;
  }

  /** A WebSocket with the events after a cursor. The only use of this object's `fetch`. */
  override fetch(request: Request): Response {
    const watch = watchOf(request);
    try {
      this.core.mustRow();
      return new Response(null, { status: 101, webSocket: this.core.eventSockets.accept(watch.cursor, watch.filter) });
    } catch (error) {
      return refusalOf(error);
    }
  }

  override webSocketMessage(socket: WebSocket): void {
    this.core.eventSockets.refuse(socket);
  }

  override webSocketClose(socket: WebSocket): void {
    this.core.eventSockets.release(socket);
  }

  override async alarm(): Promise<void> {
    if (this.core.gone) return;
    await this.core.timers.fire(Date.now(), async (key) => {
      if (key === PASS_TIMER) this.core.pass();
      if (key === SCALE_TIMER || key === QUIET_TIMER) this.core.autoscaler.onTimer();
      if (key === CRON_TIMER) await this.core.schedules.run();
      if (key === TASKS_TIMER) this.core.taskRunner.onTimer();
      if (key === HOOKS_TIMER) this.core.hooks.onTimer();
      if (key === SHARDS_TIMER) await this.core.shards.onTimer();
      if (key === TELL_TIMER) await this.core.forwarder.onTimer();
    });
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.core.db.rowsWritten, alarmsSet: this.core.timers.alarmsSet };
  }
}

function egressTold(row: ApplicationRow): Pick<ReportReply, "egress"> {
  const egress = egressDigest(row);
  return egress === undefined ? {} : { egress };
}
