/**
 * One application, its account, its instances and the platform under them, in virtual time: the real scheduler, the real
 * claims and the real life of a container, over a network that loses and repeats messages.
 */
import type { EvictionOrder } from "../../../src/account/capacity/statement.ts";
import type { LifecycleDeps } from "../../../src/containers/lifecycle.ts";
import type { RunRecord } from "../../../src/containers/run-record.ts";
import { GantryError } from "../../../src/errors.ts";
import { applyCreate, applyDelete, type ApplicationPatch } from "../../../src/orchestrator/commands.ts";
import { eventTotals, lastEventId, type EventDraft } from "../../../src/orchestrator/events.ts";
import type { RolloutControl, RolloutControlDeps } from "../../../src/orchestrator/rollouts/rollout-control.ts";
import type { AutoscalerDeps } from "../../../src/orchestrator/autoscaling/autoscaler.ts";
import { decideAction, type InstanceAction } from "../../../src/orchestrator/instance-actions.ts";
import { isDisallowed } from "../../../src/orchestrator/placement/placing.ts";
import type { Deployment } from "../../../src/orchestrator/plan/deployment.ts";
import type { Report } from "../../../src/orchestrator/plan/observe.ts";
import type { LaunchOrder, ReportReply, SchedulerDeps } from "../../../src/orchestrator/scheduler-deps.ts";
import {
  insertVersion,
  writeApplication,
  type ApplicationRow,
  type ApplicationSpec,
  type PlacementConstraints,
} from "../../../src/orchestrator/storage/application-row.ts";
import { mostWantedOf, wantedOf } from "../../../src/orchestrator/warm.ts";
import { Alarms } from "../engine/alarms.ts";
import { Network } from "../engine/network.ts";
import { Random } from "../random.ts";
import type { Trace } from "../engine/simulation.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import { SimulatedAccount } from "./account.ts";
import { AccountPlaces, within } from "./account-places.ts";
import { ApplicationHost, CHECK_EVERY_MS, type ApplicationLife } from "./application-host.ts";
import { Callers } from "./callers.ts";
import type { Faults } from "./faults.ts";
import { InstanceHost } from "./instance-host.ts";
import { SimulatedJobs } from "./jobs/simulated-jobs.ts";
import { Orders } from "./orders.ts";
import { SimulatedContainer } from "./platform.ts";
import { SimulatedRollouts } from "./rollouts/simulated-rollouts.ts";
import { Rules } from "./rules.ts";
import { specOf, type Scenario } from "./scenario.ts";
import { mayBeKilled, versionsOf, type SimulatedVersion } from "./versions.ts";
import { watchOf } from "./world-watch.ts";

/** For tests of the invariants: what is wrong with the code under test. */
export interface Tampering {
  readonly scheduler?: (deps: SchedulerDeps, world: World) => SchedulerDeps;
  readonly lifecycle?: (deps: LifecycleDeps, world: World) => LifecycleDeps;
  readonly autoscaler?: (deps: AutoscalerDeps) => AutoscalerDeps;
  readonly rollouts?: (deps: RolloutControlDeps, world: World) => RolloutControlDeps;
  readonly control?: (control: RolloutControl, life: () => ApplicationLife) => RolloutControl;
}

const ID = "a";

export class World {
  readonly time: VirtualTime;
  readonly places = new AccountPlaces();
  readonly instances = new Map<string, InstanceHost>();
  readonly application: ApplicationHost;
  readonly account: SimulatedAccount;
  readonly rules: Rules;
  readonly callers: Callers;
  readonly jobs: SimulatedJobs;
  readonly rollouts: SimulatedRollouts;
  readonly #orders: Orders;
  readonly network: Network;
  readonly versions: SimulatedVersion[];
  crashes = 0;
  /** How often a user's action changed something. */
  acted = 0;
  /** How often somebody fell asleep. */
  slept = 0;
  /** Events that say what was done or has happened, in all. */
  told = 0;
  /** The id of the one deployment of a standalone one. */
  standalone: string | null = null;
  readonly #scenario: Scenario;
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #alarms: Alarms;
  readonly #trace: Trace;
  readonly #tampering: Tampering;
  /** Out of traffic by a user's wish, with the placement that is. */
  readonly #cordoned = new Map<string, number>();
  /** When the constraints of today were set. */
  constrainedAt = 0;
  #isUsersTurn = false;
  #ids = 0;

  constructor(time: VirtualTime, scenario: Scenario, trace: Trace, tampering: Tampering = {}) {
    this.time = time;
    this.versions = [...versionsOf(scenario.configurations)];
    this.#scenario = scenario;
    this.#faults = { ...scenario.faults };
    this.#trace = trace;
    this.#tampering = tampering;
    const random = new Random(scenario.seed);
    this.#random = random.stream("world");
    this.network = new Network(time, random.stream("network"), this.#faults, (line) =>
      trace(time.now, `message: ${line}`),
    );
    this.#alarms = new Alarms(time, random.stream("alarms"), this.#faults);
    this.rules = new Rules({
      now: () => time.now,
      fateOf: (id, generation) => this.instances.get(id)?.container.fateOf(generation),
      mayBeKilled: (version) => this.versions[version - 1] !== undefined && mayBeKilled(this.versions[version - 1]!),
      isUsersTurn: () => this.#isUsersTurn,
      isCalled: (name) => this.callers.isCalled(name),
      mostNamed: () => this.named(),
    });
    this.#orders = new Orders({ time, network: this.network, rules: this.rules, instance: (id) => this.#host(id) });
    this.application = this.#newApplication();
    this.jobs = new SimulatedJobs({ time, application: this.application, instances: this.instances });
    this.rollouts = new SimulatedRollouts({
      time,
      random: random.stream("rolling"),
      application: this.application,
      versions: this.versions,
      scenario: scenario.rollouts,
      desired: () => this.desired(),
      byUser: (act) => this.#byUser(act),
    });
    this.callers = new Callers({
      time,
      network: this.network,
      application: this.application,
      named: () => this.named(),
      instance: (id) => this.#host(id),
    });
    this.account = new SimulatedAccount(time, this.network, scenario.limit, this.application.claimant());
  }

  /** With all of its versions; the first is active. */
  create(): void {
    const { db, scheduler, places } = this.application.life;
    const { now } = this.time;
    const { kind } = this.#scenario;
    const [first, ...others] = this.versions;
    if (first === undefined) throw new Error("no version");
    this.account.register(ID, "app");
    applyCreate(db, { id: ID, accountId: "acc", name: "app", kind, spec: specOf(this.#scenario), ...first }, "", now);
    for (const [index, version] of others.entries())
      insertVersion(db, { version: index + 2, ...version, createdAt: now });
    const row = this.application.row();
    if (row !== undefined && this.account.isLimited) writeApplication(db, { ...row, isLimited: true });
    places.learn(this.places.locations);
    scheduler.pass();
    this.application.life.autoscaler.changed();
    if (kind === "deployment") this.standalone = this.deployments()[0]?.id ?? null;
  }

  /** How many there are to be, warm ones among them, and attempts of jobs beside them. */
  count(counts: Pick<ApplicationPatch, "instances" | "warm" | "jobInstances">): void {
    if (this.standalone !== null) return;
    this.#change(({ specification }, row) => specification.patch(row, counts, null, null, this.time.now));
  }

  activate(version: number): void {
    this.#change(({ specification }, row) => specification.activate(row, version, null, null, this.time.now));
  }

  /** Where its instances may run from now on. */
  constrain(constraints: PlacementConstraints | null): void {
    if (this.standalone !== null) return;
    this.constrainedAt = this.time.now;
    this.#change(({ specification }, row) => specification.patch(row, { constraints }, null, null, this.time.now));
  }

  delete(): void {
    this.#change(({ db }, row) => applyDelete(db, row, this.time.now));
  }

  /** A user acts on one instance; what is refused is refused. */
  act(id: string, action: InstanceAction): void {
    const row = this.application.row();
    if (row === undefined || row.deleting) return;
    const { deployments, scheduler } = this.application.life;
    const deployment = deployments.get(id);
    if (deployment === undefined) return;
    const decision = decideAction(deployment, action, { actor: "me", name: id, kind: row.kind }, this.time.now);
    if (decision.type === "refused") return;
    if (decision.type === "changed") this.acted += 1;
    if (action === "cordon") this.#cordoned.set(id, deployment.generation);
    if (action === "uncordon") this.#cordoned.delete(id);
    this.#byUser(() => scheduler.act(deployment, decision));
  }

  /** The account wants some of what runs in one place for others. */
  makeRoom(nth: number, ceiling: number): void {
    if (this.application.row() === undefined) return;
    const live = this.deployments().filter(({ location }) => location !== undefined);
    const location = live[nth % live.length]?.location;
    if (location === undefined) return;
    const order: EvictionOrder = { location, ceiling, by: ["other"] };
    this.#byUser(() => this.application.life.scheduler.makeRoom(order));
  }

  /** Any of the objects that are in memory. */
  crash(nth: number): void {
    const hosts = [...this.instances.values()];
    const host = hosts[nth % (hosts.length + 2)];
    if (host !== undefined) host.crash();
    else if (nth % 2 === 0) this.application.crash();
    else this.account.crash();
  }

  /** From here on nothing goes wrong any more, and nobody comes. */
  calm(): void {
    this.callers.isCalm = true;
    for (const name of Object.keys(this.#faults) as (keyof Faults)[]) this.#faults[name] = 0;
    for (const { container } of this.instances.values()) container.isCalm = true;
    this.jobs.safety.calmAt = this.time.now;
    this.rollouts.desk.isCalm = true;
  }

  /** Rows as a client would read them. */
  deployments(): Deployment[] {
    return this.application.erased ? [] : this.application.life.deployments.all();
  }

  /** Runs something else than the active version does, or where it may not. */
  isOutdated(deployment: Deployment): boolean {
    if (this.isOtherRevision(deployment)) return true;
    if (this.standalone !== null) return false;
    const constraints = this.constraints();
    return constraints !== null && isDisallowed(deployment.placement, within(constraints));
  }

  isOtherRevision({ version }: Deployment): boolean {
    return this.versions[version - 1]?.revision !== this.versions[this.activeVersion() - 1]?.revision;
  }

  isCordoned({ id, generation }: Deployment): boolean {
    return this.#cordoned.get(id) === generation;
  }

  constraints(): PlacementConstraints | null {
    return this.application.row()?.spec.constraints ?? null;
  }

  activeVersion(): number {
    return this.application.row()?.activeVersion ?? 0;
  }

  /** Members of the pool, warm ones among them. */
  desired(): number {
    const { spec } = this;
    return spec === null ? 0 : wantedOf(spec);
  }

  /** All that may be wanted at a time, whatever the load. */
  most(): number {
    const { spec } = this;
    return spec === null ? 0 : mostWantedOf(spec) + this.named() + this.jobs.most();
  }

  /** How many that are called by name may be awake. */
  named(): number {
    return this.spec?.namedInstances ?? 0;
  }

  /** Null when there is no application, or it is being deleted. */
  get spec(): ApplicationSpec | null {
    const row = this.application.row();
    return row === undefined || row.deleting ? null : row.spec;
  }

  close(): void {
    this.application.close();
    this.account.close();
    for (const host of this.instances.values()) host.close();
  }

  #change(apply: (life: ApplicationLife, row: ApplicationRow) => void): void {
    const row = this.application.row();
    if (row === undefined || row.deleting) return;
    const { life } = this.application;
    const { places, scheduler, autoscaler } = life;
    this.#byUser(() => {
      if (this.#random.chance(0.7)) places.learn(this.places.locations);
      else places.expire();
      apply(life, row);
      scheduler.pass();
      autoscaler.changed();
    });
  }

  #byUser(act: () => void): void {
    this.#isUsersTurn = true;
    try {
      act();
    } finally {
      this.#isUsersTurn = false;
    }
  }

  #newApplication(): ApplicationHost {
    const { time } = this;
    return new ApplicationHost({
      time,
      network: this.network,
      alarms: this.#alarms,
      mayCrash: (lifetime, crash) => this.#mayCrash(lifetime, crash),
      onCrash: () => this.#crashed("application"),
      onBorn: (life) => this.#born(life),
      onErased: () => this.account.remove(ID),
      onEvents: (drafts) => this.#heard(drafts),
      watch: watchOf(this),
      locations: () => this.places.locations,
      state: (statement) => this.account.state(ID, statement),
      instances: (lifetime) => this.#orders.clientOf(lifetime),
      prepare: (order) => this.#prepare(order),
      newDeploymentId: () => `d${(this.#ids += 1)}`,
      onRollout: (rollout) => this.rollouts.rules.put(rollout),
      onPassed: (life) => this.rollouts.desk.passed(life),
      tamper: (deps) => this.#tampering.scheduler?.(deps, this) ?? deps,
      tamperAutoscaler: (deps) => this.#tampering.autoscaler?.(deps) ?? deps,
      tamperRollouts: (deps) => this.#tampering.rollouts?.(deps, this) ?? deps,
      tamperControl: (control, life) => this.#tampering.control?.(control, life) ?? control,
    });
  }

  #born({ deployments, db }: ApplicationLife): void {
    this.rules.read(deployments.all());
    this.rules.counted(eventTotals(db), lastEventId(db));
    this.jobs.rules.isReset = true;
    this.rollouts.rules.reset();
  }

  #heard(drafts: readonly EventDraft[]): void {
    this.told += drafts.length;
    this.rules.events(drafts);
    this.jobs.rules.events(drafts);
    for (const { name, message, deployment, generation } of drafts) {
      this.#trace(
        this.time.now,
        `event ${name}${deployment === undefined ? "" : ` of ${deployment}/${generation}`}: ${message}`,
      );
    }
  }

  /** What is looked up at a launch takes a moment, and may not be there. */
  async #prepare(order: LaunchOrder): Promise<LaunchOrder> {
    await new Promise<void>((resolve) => this.time.after(this.#random.between(0, 50), resolve));
    if (this.#random.chance(this.#faults.prepareRefused)) throw new GantryError("VALIDATE_INPUT", "no such secret");
    return this.jobs.desk.prepare(order);
  }

  #host(id: string): InstanceHost {
    const known = this.instances.get(id);
    if (known !== undefined) return known;
    const random = new Random(this.#scenario.seed).stream(id);
    const tell = (line: string) => this.#trace(this.time.now, `${id}: ${line}`);
    const host: InstanceHost = new InstanceHost(id, new SimulatedContainer(this.time, random, this.#faults, tell), {
      time: this.time,
      network: this.network,
      alarms: this.#alarms,
      mayCrash: (lifetime, crash) => this.#mayCrash(lifetime, crash),
      onCrash: () => this.#crashed(id),
      report: (record, report) => this.#report(record, report),
      tamper: (deps) => this.#tampering.lifecycle?.(deps, this) ?? deps,
    });
    host.container.isCalm = this.callers.isCalm;
    this.instances.set(id, host);
    return host;
  }

  async #report(record: RunRecord, report: Report): Promise<ReportReply> {
    const { application } = this;
    if (application.erased) return { owned: false, checkEveryMs: CHECK_EVERY_MS };
    const { scheduler, deployments } = application.life;
    const { deploymentId: id, generation } = record;
    const before = deployments.get(id);
    const owned = scheduler.observe(
      id,
      generation,
      this.rollouts.spoken(id, generation, report, this.#faults.otherImage),
    );
    // S11: who speaks for an older placement is told so, and is not believed.
    if (before !== undefined && before.generation > generation && owned) {
      this.rules.violation ??= `S11: ${id} speaks of placement ${generation}, ${before.generation} is current, and is owned`;
    }
    return { owned, checkEveryMs: CHECK_EVERY_MS };
  }

  #crashed(what: string): void {
    this.crashes += 1;
    this.#trace(this.time.now, `reset of ${what}`);
  }

  /** Between two stretches of writes: the microtask runs when the code that writes now has come to an await. */
  #mayCrash(lifetime: Lifetime, crash: () => void): void {
    if (!this.#random.chance(this.#faults.crash)) return;
    queueMicrotask(() => {
      if (lifetime.alive) crash();
    });
  }
}
