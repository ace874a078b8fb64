/** Who comes: callers of instances by name, who then use them for a while, and the load of the pool. Until the faults stop. */
import { isAvailable, isPooled, type Deployment } from "../../../src/orchestrator/plan/deployment.ts";
import type { Network } from "../engine/network.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import type { ApplicationHost, ApplicationLife } from "./application-host.ts";
import type { InstanceHost } from "./instance-host.ts";

/** How often an instance that has something under way says so. */
const LOAD_EVERY_MS = 5_000;
/** Whoever it is, nothing resets him. */
const SOMEBODY: Lifetime = { alive: true };

export interface CallersDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly application: ApplicationHost;
  /** How many that are called by name may be awake. */
  readonly named: () => number;
  readonly instance: (id: string) => InstanceHost;
}

export class Callers {
  isCalm = false;
  /** Calls by name that were answered. */
  answered = 0;
  readonly #deps: CallersDeps;
  /** Who is called at present, by lifetime of the application: who calls one that was reset calls again. */
  readonly #calling = new WeakMap<ApplicationLife, Map<string, number>>();

  constructor(deps: CallersDeps) {
    this.#deps = deps;
  }

  isCalled(name: string): boolean {
    return (this.#calling.get(this.#deps.application.life)?.get(name) ?? 0) > 0;
  }

  /** Somebody calls an instance by name, and uses it once it is there. */
  call(name: string, waitMs: number, usedMs: number): void {
    const { time, network, named, instance } = this.#deps;
    if (named() === 0) return;
    void network
      .send(SOMEBODY, `call of ${name}`, () => this.#answer(name, waitMs))
      .then(({ id }) => {
        this.answered += 1;
        return network.send(SOMEBODY, `request to ${id}`, () =>
          instance(id).call(async ({ inFlight }) => {
            inFlight.begin();
            time.after(usedMs, () => inFlight.end());
          }),
        );
      })
      .catch(() => undefined);
  }

  async #answer(name: string, waitMs: number): Promise<Deployment> {
    const { application, named } = this.#deps;
    if (application.erased || named() === 0) throw new Error("no such application");
    const { life } = application;
    const calling = this.#calling.get(life) ?? new Map<string, number>();
    this.#calling.set(life, calling);
    calling.set(name, (calling.get(name) ?? 0) + 1);
    try {
      return await life.named.call(name, waitMs);
    } finally {
      calling.set(name, (calling.get(name) ?? 1) - 1);
    }
  }

  /** So many requests are in the pool for so long, as its instances say; who finds none waits. */
  load(inFlight: number, ms: number): void {
    const { time, network, application } = this.#deps;
    const until = time.now + ms;
    const tell = () => {
      if (application.erased) return;
      const isOver = this.isCalm || time.now >= until;
      const members = application.life.deployments.all().filter((row) => isPooled(row) && isAvailable(row));
      const share = isOver ? 0 : Math.ceil(inFlight / Math.max(1, members.length));
      for (const { id } of members) {
        const report = { inFlight: share, requestsPerSecond: share, at: time.now };
        const say = async () => application.erased || application.life.autoscaler.report(id, report);
        network.send(SOMEBODY, `load of ${id}: ${share}`, say).catch(() => undefined);
      }
      const { life } = application;
      life.poolWaiters = members.length > 0 || isOver ? 0 : inFlight;
      if (life.poolWaiters > 0) life.autoscaler.look();
      if (!isOver) time.after(LOAD_EVERY_MS, tell);
    };
    tell();
  }
}
