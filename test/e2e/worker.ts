/** The control plane with one more route, which drops an object from memory as the platform may at any time. */
import control from "../../src/index.ts";
import { Account as RealAccount } from "../../src/account/account.ts";
import { Instance as RealInstance } from "../../src/containers/instance.ts";
import { Application as RealApplication } from "../../src/orchestrator/application.ts";
import { sleep } from "../../src/sleep.ts";

export { ContainerEvents, Functions } from "../workers/bound-workers.ts";
export { Egress } from "../../src/egress/gateway.ts";
export { Gantry } from "../../src/containers/entrypoint.ts";

const RESET = "reset by the test";
const AGAIN_MS = 5;

/** workerd never lets go of an object that is aborted while its alarm runs: every later call finds it broken. */
class Alarms {
  #running = 0;

  async run(alarm: () => Promise<void>): Promise<void> {
    this.#running += 1;
    try {
      await alarm();
    } finally {
      this.#running -= 1;
    }
  }

  async over(): Promise<void> {
    // One that is overdue comes a moment after the object.
    do await sleep(AGAIN_MS);
    while (this.#running > 0);
  }
}

export class Account extends RealAccount {
  abortForTest(): void {
    this.ctx.abort(RESET);
  }
}

export class Application extends RealApplication {
  readonly #alarms = new Alarms();

  override async alarm(): Promise<void> {
    await this.#alarms.run(() => super.alarm());
  }

  async abortForTest(): Promise<void> {
    await this.#alarms.over();
    this.ctx.abort(RESET);
  }
}

export class Instance extends RealInstance {
  readonly #alarms = new Alarms();

  override async alarm(): Promise<void> {
    await this.#alarms.run(() => super.alarm());
  }

  async abortForTest(): Promise<void> {
    await this.#alarms.over();
    this.ctx.abort(RESET);
  }
}

/** `/__test/abort/<binding>/<name>`. */
const ABORT = /^\/__test\/abort\/(ACCOUNT|APPLICATION|INSTANCE)\/([\w-]+)$/;

export default {
  async fetch(request, env, ctx) {
    const [, kind, name] = ABORT.exec(new URL(request.url).pathname) ?? [];
    if (kind === undefined || name === undefined) return await control.fetch(request, env, ctx);
    const stub = env[kind as "INSTANCE"].getByName(name) as unknown as DurableObjectStub<Instance>;
    await stub.abortForTest().catch(() => undefined);
    return new Response("aborted");
  },
} satisfies ExportedHandler<Env>;
