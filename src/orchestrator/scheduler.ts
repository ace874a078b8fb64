/**
 * One pass of an application's control loop: rows → plan → intents in one transaction → messages → the next wake-up.
 *
 * It is synchronous up to the messages, which the outbox performs on its own; their answers come back as observations
 * and poke the next pass. Nothing here decides: the planner, the observer and the intents are pure.
 */
import { drainMsOf } from "./probe-spec.ts";
import { assertNever } from "../assert-never.ts";
import { appendEvents, type EventDraft } from "./events.ts";
import type { Decision } from "./instance-actions.ts";
import { Inbox, type Observation } from "./inbox.ts";
import { intendAside, intendPlacement, intendStart, intendStop, type Intent } from "./intents.ts";
import type { LaunchSpec } from "./launch-spec.ts";
import { sameSize, type Size } from "../account/amounts.ts";
import type { EvictionOrder } from "../account/capacity/statement.ts";
import { intendEvictions, mayBePreempted } from "./capacity/evict.ts";
import { Messages } from "./messages.ts";
import type { SchedulerDeps } from "./scheduler-deps.ts";
import { isFailedStart, isLeaving, isPooled, STOP, type Deployment, runsJobs } from "./plan/deployment.ts";
import { isBegin } from "./plan/jobs.ts";
import { observe, type Report } from "./plan/observe.ts";
import { desiredPlace } from "./placement/desired-place.ts";
import { keepBlocked } from "./placement/blocked.ts";
import { unverified, type ObservedPlace } from "./placement/placing.ts";
import { DEFAULT_LIMITS, plan, type Action, type Deadlines, type Plan } from "./plan/plan.ts";
import { outdatedOf, type Desired } from "./plan/selection.ts";
import type { WaitingChoice } from "./start/waiting.ts";
import { desiredRollout, isUnderWay, versionOfName } from "./rollouts/desired-rollout.ts";
import { maySurge, shareOf } from "./shards/sharding.ts";
import { readApplication, type ApplicationRow } from "./storage/application-row.ts";

/** A stop is asked about when it should long be over. */
function deadlinesOf({ startupDeadlineMs, stopGraceMs, ...drain }: LaunchSpec, reason: string | null): Deadlines {
  const { stopDeadlineMs } = DEFAULT_LIMITS;
  return {
    startDeadlineMs: startupDeadlineMs,
    stopDeadlineMs: stopDeadlineMs + drainMsOf(drain, reason) + stopGraceMs,
  };
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b < a) ? b : a;
}

/** Key of the scheduler's own timer. */
export const PASS_TIMER = "pass";
/** A pass over unchanged rows is empty, so a second round suffices; more would be a planner that never rests. */
const MAX_ROUNDS = 4;

export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #messages: Messages;
  readonly #inbox: Inbox;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    const { clock, later = (run) => run() } = deps;
    this.#inbox = new Inbox({ clock, later, take: (observations) => this.#observeAll(observations) });
    this.#messages = new Messages({
      ...deps,
      hear: (observation) => this.hear(observation),
      onDropped: () => this.pass(),
    });
  }

  /** Brings the rows one step nearer to what is wanted, and arms the next wake-up. */
  pass(): void {
    let requeueAt: number | null = null;
    let lookAt: number | null = null;
    let unbegun: Plan["unbegun"] = null;
    let unbegunOwn: Plan["unbegunOwn"] = new Map();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const stored = readApplication(this.#deps.db);
      if (stored === undefined) return;
      const now = this.#deps.clock();
      const followed = this.#deps.rollouts?.follow(stored, now);
      const application = followed?.row ?? stored;
      const removeAt = this.#deps.jobs?.clean(now) ?? null;
      const result = this.plan(application, now);
      ({ unbegun, unbegunOwn } = result);
      requeueAt = earlier(earlier(result.requeueAt, removeAt), followed?.deadlineAt ?? null);
      lookAt = earlier(result.lookAt ?? null, followed?.lookAt ?? null);
      if (result.actions.some((action) => action.type === "finish-delete")) {
        this.#deps.onDeleted();
        return;
      }
      this.#perform(application, result, now);
      if (result.needsPlaces) this.#deps.places?.ask(application);
      if (result.actions.length + result.jobSteps.length === 0 && application === stored) break;
      console.log({ message: "application.planned", application: application.name, ...result.explain });
    }
    const application = readApplication(this.#deps.db);
    const { capacity } = this.#deps;
    const restateAt = application === undefined ? null : (capacity?.passed(application, unbegun, unbegunOwn) ?? null);
    const { soon } = this.#deps;
    if (lookAt !== null) soon?.(lookAt);
    this.#arm(earlier(earlier(requeueAt, restateAt), soon === undefined ? lookAt : null));
    this.#deps.onPassed?.();
  }

  /** What a pass would do now. */
  plan(application: ApplicationRow, now: number): Plan {
    const { deployments, outbox, places, capacity, jobs, version: versionOf } = this.#deps;
    const { sharding } = application;
    return plan({
      desired: this.#desired(application),
      deployments: deployments.all(),
      delivery: outbox,
      limits: DEFAULT_LIMITS,
      deadlinesOf: ({ id, version, stopReason, since }) => {
        const deadlines = deadlinesOf(versionOf(version).spec, stopReason);
        const waitedMs = Math.max(0, (this.#deps.waitedUntil?.(id) ?? 0) - since);
        return { ...deadlines, startDeadlineMs: deadlines.startDeadlineMs + waitedMs };
      },
      where: places?.where(application),
      called: this.#deps.called?.() ?? [],
      ownSize: (name) => this.#ownSize(application, name),
      ...(jobs === undefined || (sharding?.shard ?? 0) !== 0 ? {} : { jobs: jobs.inHand(application) }),
      allowance: capacity?.allowance(application),
      blockedSince: application.blocked?.since ?? null,
      ...(sharding === undefined ? {} : { slots: { first: sharding.shard, step: sharding.shards } }),
      now,
    });
  }

  #ownSize({ activeVersion }: ApplicationRow, name: string): Size | null {
    const { deployments, choiceFor, version } = this.#deps;
    const override = choiceFor?.(name)?.override ?? deployments.named(name)?.override;
    if (override?.size === undefined) return null;
    return sameSize(override.size, version(activeVersion).spec.size) ? null : override.size;
  }

  /** What an instance says, soon applied. False: the instance must destroy what it holds. */
  hear(observation: Observation): Promise<boolean> {
    return this.#inbox.hear(observation);
  }

  /** As `hear`, in this turn. */
  observe(deploymentId: string, generation: number, report: Report): boolean {
    return this.#observeAll([{ deploymentId, generation, report }])[0] ?? false;
  }

  #observeAll(observations: readonly Observation[]): boolean[] {
    let isKept = false;
    const owned = observations.map((observation) => {
      const result = this.#observe(observation);
      isKept ||= result.isKept;
      return result.owned;
    });
    if (isKept) this.#deps.onRoutingChanged();
    this.pass();
    return owned;
  }

  #observe({ deploymentId, generation, report }: Observation): { owned: boolean; isKept: boolean } {
    const { deployments, outbox, clock } = this.#deps;
    const before = deployments.get(deploymentId);
    const { next, events, owned, isNote } = observe(before, generation, report, clock(), this.#verification());
    if (owned) outbox.heard(deploymentId);
    const isKept = next !== null && isNote !== true;
    if (isKept) this.#keep(next, events, before, report);
    else if (next !== null) deployments.note(next);
    if (before?.location !== undefined && before.readyAt === null && next?.phase === "pending") {
      if (isFailedStart(next)) this.#deps.places?.failed(before.location);
    }
    if (next?.phase === "pending" && next.last?.reason === "RateLimited") this.#deps.capacity?.rateLimited();
    return { owned, isKept };
  }

  /** Carries out what a user's action on one instance comes to. Returns the row, which may be its last. */
  act(deployment: Deployment, decision: Exclude<Decision, { type: "refused" }>): Deployment {
    if (decision.type === "unchanged") return deployment;
    const { next, event } = decision;
    const application = readApplication(this.#deps.db);
    this.#keep(next, [event]);
    this.#deps.onRoutingChanged();
    if (next.phase !== deployment.phase && application !== undefined) this.#messages.send(application, next);
    this.pass();
    return this.#deps.deployments.get(next.id) ?? next;
  }

  /** Stops what is above a ceiling, for applications that go first. How many that are. */
  makeRoom(order: EvictionOrder): number {
    const { db, deployments, clock, onRoutingChanged } = this.#deps;
    const application = readApplication(db);
    if (application === undefined || !mayBePreempted(application)) return 0;
    const stopped = intendEvictions(deployments.all(), order, clock());
    if (stopped.length === 0) return 0;
    this.#deps.capacity?.yield(order.location);
    db.transaction(() => {
      for (const { next } of stopped) deployments.put(next);
      appendEvents(
        db,
        stopped.flatMap(({ events }) => events),
        clock(),
      );
    });
    onRoutingChanged();
    for (const { next } of stopped) this.#messages.send(application, next);
    this.pass();
    return stopped.length;
  }

  /** Every placement that may live is gone. Only rows and events: the next pass acts on them. */
  loseAll(reason: string): void {
    const { db, deployments, clock, jobs } = this.#deps;
    for (const deployment of deployments.all()) {
      const report: Report = { state: "ended", outcome: { kind: "lost", exitCode: null, reason } };
      const observed = observe(deployment, deployment.generation, report, clock());
      if (observed.next === null) continue;
      const ended = jobs?.ended(deployment, observed.next, {}, clock()) ?? null;
      deployments.put(ended?.next ?? observed.next);
      appendEvents(db, ended?.events ?? observed.events, clock());
    }
  }

  /** Stores a changed row with what is told of it. One that has come to its last end is not kept at all. */
  #keep(observed: Deployment, said: readonly EventDraft[], before?: Deployment, report?: Report): void {
    const { db, deployments, outbox, clock, jobs } = this.#deps;
    const isOver = observed.phase === "pending" && isLeaving(observed) && !outbox.isInFlight(observed.id);
    db.transaction(() => {
      const kept = report?.state === "ended" ? report : {};
      const ended = before === undefined ? null : (jobs?.ended(before, observed, kept, clock()) ?? null);
      const { next, events } = ended ?? { next: observed, events: said };
      if (!isOver) deployments.put(next);
      // Whoever hears of an end looks up whose it was.
      appendEvents(db, events, clock());
      if (isOver) deployments.remove(next.id);
    });
    if (isOver) this.#messages.release(observed.id);
  }

  /** Why a container in that place takes no traffic; null where places are not verified. */
  #verification(): ((observed: ObservedPlace | null | undefined) => string | null) | null {
    const { constraints } = readApplication(this.#deps.db)?.spec ?? {};
    return constraints?.isVerified === true ? (observed) => unverified(observed, constraints) : null;
  }

  #desired(application: ApplicationRow): Desired {
    const { activeVersion, kind, deleting, rollout: mark } = application;
    const revisionOf = (version: number) => this.#deps.version(version).version.revision;
    const rollout = desiredRollout(application, revisionOf);
    return {
      instances: shareOf(application),
      version: activeVersion,
      isOutdated: (version) => version !== activeVersion && revisionOf(version) !== revisionOf(activeVersion),
      namedInstances: application.spec.namedInstances ?? 0,
      strategy: kind === "deployment" ? "in-place" : "rolling",
      deleting,
      maySurge: maySurge(application),
      ...(rollout === undefined ? {} : { rollout }),
      ...(mark === undefined ? {} : { versionOfName: (name: string) => versionOfName(mark, name) }),
      ...desiredPlace(application),
    };
  }

  /** It is called by name, and would start at another revision than it runs. */
  isNamedBehind(deploymentId: string): boolean {
    const application = readApplication(this.#deps.db);
    const deployment = this.#deps.deployments.get(deploymentId);
    if (application === undefined || deployment?.name === undefined || deployment.phase !== "running") return false;
    const { rollout, activeVersion } = application;
    const target = rollout === undefined ? activeVersion : versionOfName(rollout, deployment.name);
    const revisionOf = (version: number) => this.#deps.version(version).version.revision;
    // What its `start` was given makes its own revision another.
    return revisionOf(target) !== revisionOf(deployment.version);
  }

  /** Something that runs is to be replaced by something else. */
  isOutdated(application: ApplicationRow): boolean {
    const desired = this.#desired(application);
    if (desired.deleting || desired.instances === 0) return false;
    if (desired.rollout !== undefined) {
      const pool = this.#deps.deployments
        .all()
        .filter((d) => isPooled(d) && !isLeaving(d) && d.parkedUntil === undefined);
      return isUnderWay(
        pool.map(({ version }) => version),
        desired.rollout,
      );
    }
    const isOutdated = outdatedOf(desired);
    return this.#deps.deployments.all().some((d) => isPooled(d) && isOutdated(d) && !isLeaving(d));
  }

  /** Writes every intent of the plan, then sends. */
  #perform(application: ApplicationRow, { actions, jobSteps, blocked, needsPlaces }: Plan, now: number): void {
    const { db, deployments, places, jobs } = this.#deps;
    const sends: Deployment[] = [];
    db.transaction(() => {
      const events: EventDraft[] = [];
      // What is not known changes nothing about what is blocked.
      if (!needsPlaces) {
        events.push(...keepBlocked(db, application, blocked, now, this.#deps.blockedElsewhere?.()));
      }
      for (const step of jobSteps) events.push(...(jobs?.step(step, now) ?? []));
      for (const action of actions) {
        const intent = this.#intend(application, action, now);
        if (intent !== null) {
          const { next, choice } = this.#withChoice(this.#withAttempt(intent.next, action, now), action.type);
          if (choice === undefined) deployments.put(next);
          else deployments.putChosen(next, choice);
          if (!isBegin(action)) events.push(intent.event);
        }
        if (action.type === "remove") deployments.remove(action.id);
        if (action.type === "end-attempt") events.push(...this.#endAttempt(action, now));
        if (action.type === "stop" && action.reason === STOP.misplaced) {
          const at = deployments.get(action.id)?.location;
          if (at !== undefined) places?.failed(at);
        }
        // Nothing of that is told to the container.
        if (action.type === "park" || action.type === "recall") continue;
        const id = intent?.next.id ?? (action.type === "resend" || action.type === "verify" ? action.id : undefined);
        const target = id === undefined ? undefined : deployments.get(id);
        if (target !== undefined) sends.push(target);
      }
      appendEvents(db, events, now);
    });
    this.#deps.capacity?.started(actions.filter(({ type }) => type === "place" || type === "start").length);
    if (actions.some(({ type }) => type === "stop" || type === "park" || type === "recall"))
      this.#deps.onRoutingChanged();
    for (const deployment of sends) this.#messages.send(application, deployment);
    for (const action of actions) if (action.type === "remove") this.#messages.release(action.id);
  }

  #withAttempt(next: Deployment, action: Action, now: number): Deployment {
    const { jobs } = this.#deps;
    if (jobs === undefined) return next;
    if (action.type === "stop") return jobs.stopping(next, action.reason);
    return isBegin(action) ? jobs.begin(next, action.begin, now) : next;
  }

  #endAttempt({ id, reason }: Extract<Action, { type: "end-attempt" }>, now: number): readonly EventDraft[] {
    const { deployments, jobs } = this.#deps;
    const slot = deployments.get(id);
    if (slot === undefined || jobs === undefined) return [];
    const { next, events } = jobs.cancel(slot, reason, now);
    deployments.put(next);
    return events;
  }

  /** What is started is started with what its caller has chosen. */
  #withChoice(next: Deployment, action: Action["type"]): { next: Deployment; choice?: WaitingChoice["kept"] } {
    if (next.name === undefined || (action !== "place" && action !== "start")) return { next };
    const chosen = this.#deps.choiceFor?.(next.name);
    if (chosen === undefined || chosen.override.id === next.override?.id) return { next };
    return { next: { ...next, override: chosen.override }, choice: chosen.kept };
  }

  #intend(application: ApplicationRow, action: Action, now: number): Intent | null {
    const { deployments, newDeploymentId } = this.#deps;
    switch (action.type) {
      case "place": {
        const { slot, version, reason, placing, name } = action;
        const jurisdiction = application.spec.constraints?.jurisdiction ?? null;
        const place = placing === null ? null : { region: placing.location.region, jurisdiction };
        const id = newDeploymentId(application.id, place, application.sharding?.shard ?? 0);
        return intendPlacement(id, slot, version, now, reason, placing, name);
      }
      case "start": {
        const deployment = deployments.get(action.id);
        const { version, reason, forgive } = action;
        return deployment === undefined ? null : intendStart(deployment, version, reason, now, forgive);
      }
      case "stop": {
        const deployment = deployments.get(action.id);
        return deployment === undefined ? null : intendStop(deployment, action.reason, now);
      }
      case "park":
      case "recall": {
        const deployment = deployments.get(action.id);
        return deployment === undefined ? null : intendAside(deployment, action.type === "park" ? action.until : null);
      }
      case "resend":
      case "verify":
      case "end-attempt":
      case "remove":
      case "finish-delete": {
        return null;
      }
      default: {
        return assertNever(action);
      }
    }
  }

  /**
   * Moves the wake-up only to an earlier time: a timer that comes too early costs one empty pass, a moved one two rows. Nor
   * is it cleared between attempts of jobs, the next of which would set it again.
   */
  #arm(requeueAt: number | null): void {
    const { timers, deployments } = this.#deps;
    const current = timers.dueAt(PASS_TIMER);
    if (requeueAt === null && current !== null && current > this.#deps.clock() && deployments.all().some(runsJobs))
      return;
    if (requeueAt === null) timers.clear(PASS_TIMER);
    else if (current === null || current > requeueAt || current <= this.#deps.clock()) {
      timers.set(PASS_TIMER, requeueAt);
    }
  }
}
