/** What a scheduler is given: its instances, places, capacity, and what launches are completed with. */
import type { Database } from "../database.ts";
import type { EgressNow } from "../egress/policy/policy.ts";
import type { AttemptLaunch } from "../jobs/launch.ts";
import type { Timers } from "../timers.ts";
import type { Allowance } from "./capacity/allowance.ts";
import type { DeploymentStore } from "./deployment-store.ts";
import type { JobSlots } from "./job-slots.ts";
import type { LaunchSpec } from "./launch-spec.ts";
import type { Outbox } from "./outbox.ts";
import type { BlockedReason, ObjectPlace, Where } from "./placement/placing.ts";
import type { Plan } from "./plan/plan.ts";
import type { Report } from "./plan/observe.ts";
import type { WaitingChoice } from "./start/waiting.ts";
import type { RolloutControl } from "./rollouts/rollout-control.ts";
import type { ApplicationRow, Version } from "./storage/application-row.ts";

/** What an instance answers: its state, for the generation that it was asked about. */
export interface InstanceAnswer {
  readonly generation: number;
  readonly report: Report;
}

/** What an instance hears when it reports. */
export interface ReportReply {
  /** False: the instance must destroy what it holds. */
  readonly owned: boolean;
  /** The interval as it is now; it may have changed since the launch. */
  readonly checkEveryMs: number;
  /** Its load decides how many there are. */
  readonly reportsLoad?: boolean;
  /** One that is called by name is at a version that is not to run any more: it goes when nothing is under way. */
  readonly isOutdated?: boolean;
  /** Digest of what it may reach. Absent: nothing outside. */
  readonly egress?: string;
}

export interface LaunchOrder {
  readonly applicationId: string;
  readonly applicationName: string;
  readonly deploymentId: string;
  readonly instanceName: string;
  readonly generation: number;
  readonly version: number;
  readonly revision: string;
  readonly checkEveryMs: number;
  readonly spec: LaunchSpec;
  /** What the platform starts for the image of `spec`. Absent: the image is one that this Worker was deployed with. */
  readonly image?: string;
  /** Code of the location that it was asked to be at. */
  readonly location?: string;
  /** Its place decides whether it may take traffic, so that it is told as soon as it is known. */
  readonly isPlaceVerified?: boolean;
  /** Its load decides how many there are. */
  readonly reportsLoad?: boolean;
  /** Started for those who call it by name, so that it sleeps when nobody does. */
  readonly isNamed?: boolean;
  /** The platform's, from which it starts in place of its image. */
  readonly snapshotId?: string;
  /** The attempt of a job that it is for. */
  readonly attempt?: AttemptLaunch;
  /** Of the bridge, for this placement. */
  readonly bridgeToken?: string;
  /** Absent in orders of earlier versions only. */
  readonly accountId?: string;
  readonly egress?: EgressNow;
}

/** Where an application may place, as far as that is known. */
export interface PlacesInHand {
  where(application: ApplicationRow): Where | null;
  /** Finds out, and has another pass when it knows. */
  ask(application: ApplicationRow): void;
  /** A start failed there. */
  failed(location: string): void;
}

/** What may begin, as far as that has been granted. */
export interface CapacityInHand {
  /** Undefined: nothing limits it. */
  allowance(application: ApplicationRow): Allowance | undefined;
  /** After a pass: says what has to be said. When to look again, or null. */
  passed(application: ApplicationRow, unbegun: Plan["unbegun"], unbegunOwn?: Plan["unbegunOwn"]): number | null;
  /** That many starts are intended. */
  started(count: number): void;
  /** The platform said that there were too many starts. */
  rateLimited(): void;
  /** What ends in that location is for others. */
  yield(location: string): void;
}

/** The scheduler's view of its instances: everything is idempotent by deployment and generation. */
export interface InstanceClient {
  launch(order: LaunchOrder): Promise<InstanceAnswer>;
  /** `signal`: what it begins with, where it is not SIGTERM. */
  stop(deploymentId: string, generation: number, reason: string, signal?: number): Promise<InstanceAnswer>;
  /** Marks a placement as ended that was not launched yet; what runs goes on, whenever this arrives. */
  forbid(deploymentId: string, generation: number, reason: string): Promise<InstanceAnswer>;
  check(deploymentId: string, generation: number): Promise<InstanceAnswer>;
  /** Drops what the instance keeps of a slot that is gone. */
  release(deploymentId: string): Promise<void>;
}

export interface SchedulerDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly deployments: DeploymentStore;
  readonly outbox: Outbox;
  readonly instances: InstanceClient;
  readonly clock: () => number;
  /** Runs something in so many milliseconds. Absent: nothing is gathered, each report is a turn of its own. */
  readonly later?: (run: () => void, ms: number) => void;
  readonly newDeploymentId: (applicationId: string, place: ObjectPlace | null, shard: number) => string;
  /** Absent: there are no locations. */
  readonly places?: PlacesInHand;
  /** Names that somebody waits for. */
  readonly called?: () => readonly string[];
  /** What the next start under that name is to be made with. Absent: nothing but its version. */
  readonly choiceFor?: (name: string) => WaitingChoice | undefined;
  /** Absent: there are no jobs. */
  readonly jobs?: JobSlots;
  /** Absent: there are none. */
  readonly rollouts?: Pick<RolloutControl, "follow">;
  /** Has another pass by then, if this lifetime lasts; what runs reports now and then in any case. Absent: it takes an alarm. */
  readonly soon?: (at: number) => void;
  /** Absent: nothing limits what runs. */
  readonly capacity?: CapacityInHand;
  readonly version: (version: number) => { readonly version: Version; readonly spec: LaunchSpec };
  /**
   * Completes an order with what is looked up at launch only. A `GantryError` refuses the launch, and its message is what
   * people read; any other error is a message that did not arrive.
   */
  readonly prepare?: (order: LaunchOrder) => Promise<LaunchOrder>;
  /** Until when a placement has waited for what `prepare` needs: its time to start begins then. Absent: none ever waits. */
  readonly waitedUntil?: (deploymentId: string) => number;
  /** Why placements are blocked in other objects of the application: what was told there is not told again here. */
  readonly blockedElsewhere?: () => readonly BlockedReason[];
  /** A pass is over. */
  readonly onPassed?: () => void;
  /** The set of ready instances may have changed. */
  readonly onRoutingChanged: () => void;
  /** The last container of a deleted application is gone. */
  readonly onDeleted: () => void;
}
