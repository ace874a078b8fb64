/** An application's rollout, wired to its rows, its shards, its instances and the network. */
import type { Database } from "../../database.ts";
import { shardStub } from "../../stubs.ts";
import type { DeploymentStore } from "../deployment-store.ts";
import { isAvailable, isPooled, type Deployment } from "../plan/deployment.ts";
import { RolloutsLog } from "./rollouts-log.ts";
import type { Coordinator } from "../shards/coordinator.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { applicationGates } from "./application-gates.ts";
import type { GateRunner } from "./gate-runner.ts";
import type { Member } from "./measuring.ts";
import { RolloutControl } from "./rollout-control.ts";
import { applicationSwitchover } from "./application-switchover.ts";
import { isTargetOf, type Switchover } from "./switchover.ts";

export interface ApplicationRolloutDeps {
  readonly env: Env;
  readonly db: Database;
  readonly deployments: DeploymentStore;
  readonly row: () => ApplicationRow | undefined;
  readonly shards: () => Coordinator;
  readonly revisionOf: (version: number) => string;
  readonly publicId: (deploymentId: string) => string;
  readonly onMoved: () => void;
  readonly pass: () => void;
  /** Has another pass by then, if this lifetime lasts. */
  readonly soon: (at: number) => void;
  readonly background: (work: Promise<void>) => void;
}

export class ApplicationRollout {
  readonly log: RolloutsLog;
  readonly control: RolloutControl;
  readonly #deps: ApplicationRolloutDeps;
  readonly #gates: GateRunner;
  /** The shards are there only once everything is wired. */
  readonly #switchover: () => Switchover;
  #switching: Switchover | undefined;

  constructor(deps: ApplicationRolloutDeps) {
    const { env, db, deployments, row, shards, revisionOf, onMoved, pass, background } = deps;
    this.#deps = deps;
    this.log = new RolloutsLog(db);
    const beside = (now: ApplicationRow) => shards().heardBy(now);
    this.control = new RolloutControl({ db, log: this.log, deployments, revisionOf, beside, onMoved });
    this.#gates = applicationGates({
      env,
      rollout: () => this.log.current(),
      application: () => row()?.name ?? "",
      members: async () => (await this.#all()).filter((one) => this.#isMember(one)).map((one) => this.#memberOf(one)),
      onMeasured: (id, step, stepStartedAt, measurement) => {
        this.#change((now) => this.control.measured(now, { id, step, stepStartedAt }, measurement));
      },
      background,
    });
    this.#switchover = () =>
      (this.#switching ??= applicationSwitchover({
        env,
        row,
        log: this.log,
        control: this.control,
        deployments,
        shards: shards(),
        revisionOf,
        pass,
        background,
      }));
  }

  /** After each pass: what takes longer than one goes on beside it. */
  passed(): void {
    const row = this.#deps.row();
    if (row === undefined) return;
    this.#switchover().follow(row);
    if ((row.sharding?.shard ?? 0) !== 0 || row.deleting) return;
    const at = this.#gates.follow();
    if (at !== null) this.#deps.soon(at);
  }

  #change(change: (row: ApplicationRow) => void): void {
    const row = this.#deps.row();
    if (row === undefined || row.deleting) return;
    change(row);
    this.#deps.pass();
  }

  /** Of this object and of all others of the application. */
  async #all(): Promise<readonly Deployment[]> {
    const { env, deployments, row, shards } = this.#deps;
    const { id = "" } = row() ?? {};
    const others = await shards().askAll(async (k): Promise<Deployment[]> => await shardStub(env, id, k).rows());
    return [...deployments.all(), ...others.flat()];
  }

  #isTarget(version: number): boolean {
    const rollout = this.log.current();
    return rollout !== null && isTargetOf(rollout, version, this.#deps.revisionOf);
  }

  #isMember(deployment: Deployment): boolean {
    return isPooled(deployment) && isAvailable(deployment) && this.#isTarget(deployment.version);
  }

  #memberOf({ id, generation }: Deployment): Member {
    return { deploymentId: id, generation, instanceId: this.#deps.publicId(id) };
  }
}
