/** What the scheduler says to its instances, over the network, with an eye on how often it does. */
import type { Lifecycle } from "../../../src/containers/lifecycle.ts";
import type { InstanceClient } from "../../../src/orchestrator/scheduler-deps.ts";
import type { Network } from "../engine/network.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import type { InstanceHost } from "./instance-host.ts";
import type { Rules } from "./rules.ts";

/** Messages to one instance within a second: a start, a stop, a crash of the scheduler between them and some more. */
const STORM = 14;

export interface OrdersDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly rules: Rules;
  readonly instance: (id: string) => InstanceHost;
}

export class Orders {
  readonly #deps: OrdersDeps;
  readonly #asked = new Map<string, number[]>();

  constructor(deps: OrdersDeps) {
    this.#deps = deps;
  }

  clientOf(lifetime: Lifetime): InstanceClient {
    const { network, instance } = this.#deps;
    const ask = <T>(id: string, what: string, perform: (lifecycle: Lifecycle) => Promise<T>) => {
      if (lifetime.alive) this.#countAsk(id);
      return network.send(lifetime, `${what} of ${id}`, () => instance(id).call(perform));
    };
    return {
      launch: (order) => ask(order.deploymentId, `launch ${order.generation}`, (life) => life.launch(order)),
      stop: (id, generation, reason) => ask(id, `stop ${generation}`, (life) => life.retire(id, generation, reason)),
      forbid: (id, generation, reason) =>
        ask(id, `forbid ${generation}`, (life) => life.forbid(id, generation, reason)),
      check: (id, generation) => ask(id, `check ${generation}`, (life) => life.check(id, generation)),
      release: (id) => network.send(lifetime, `release of ${id}`, () => instance(id).release()),
    };
  }

  #countAsk(id: string): void {
    const { time, rules } = this.#deps;
    const recent = (this.#asked.get(id) ?? []).filter((at) => time.now - at < 1_000);
    recent.push(time.now);
    this.#asked.set(id, recent);
    if (recent.length > STORM) rules.violation ??= `L6: ${id} was asked ${recent.length} times within a second`;
  }
}
