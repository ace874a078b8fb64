/**
 * The control plane with more routes: one drops an object from memory as the platform may at any time, one calls the
 * entrypoint that other Workers are bound to, and one sends messages to its queue and shows the dead letters.
 */
import control from "../../src/index.ts";
import { Account as RealAccount } from "../../src/account/account.ts";
import { Instance as RealInstance } from "../../src/containers/instance.ts";
import { Application as RealApplication } from "../../src/orchestrator/application.ts";
import { sleep } from "../../src/sleep.ts";

export { ContainerEvents, Functions, StandIn } from "../workers/bound-workers.ts";
export { Room } from "../workers/room.ts";
export { Egress } from "../../src/egress/gateway.ts";
export { Gantry } from "../../src/containers/entrypoint.ts";
export { ImagePreparation } from "../../src/registry/images/preparation.ts";
export { Registry } from "../../src/registry/store/registry.ts";
export { SharedState } from "../../src/samples/shared-state.ts";

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

/** What a bound Worker calls: `{method, args}`. */
async function callBinding(request: Request, binding: Service): Promise<Response> {
  const { method, args } = await request.json<{ method: string; args: unknown[] }>();
  const methods = binding as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  try {
    return Response.json({ result: (await methods[method]?.(...args)) ?? null });
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: unknown };
    return Response.json({ error: { code, message, details } });
  }
}

/** `/__test/abort/<binding>/<name>`. */
const ABORT = /^\/__test\/abort\/(ACCOUNT|APPLICATION|INSTANCE)\/([\w-]+)$/;

interface Queues {
  readonly TASKS: Queue;
}

const deadLetters: unknown[] = [];

/** `POST`: a list of messages. `GET`: what came to the queue of dead letters. */
async function callQueue(request: Request, env: Queues): Promise<Response> {
  if (request.method === "GET") return Response.json(deadLetters);
  const bodies = await request.json<unknown[]>();
  await env.TASKS.sendBatch(bodies.map((body) => ({ body })));
  return new Response(null, { status: 204 });
}

export default {
  async fetch(request, env, ctx) {
    if (request.url.endsWith("/__test/rpc")) return await callBinding(request, ctx.exports.Gantry);
    if (request.url.endsWith("/__test/queue")) return await callQueue(request, env as unknown as Queues);
    const [, kind, name] = ABORT.exec(new URL(request.url).pathname) ?? [];
    if (kind === undefined || name === undefined) return await control.fetch(request, env, ctx);
    const stub = env[kind as "INSTANCE"].getByName(name) as unknown as DurableObjectStub<Instance>;
    await stub.abortForTest().catch(() => undefined);
    return new Response("aborted");
  },
  queue: async (batch, env) => {
    if (batch.queue === "gantry-tasks") await control.queue(batch, env);
    else deadLetters.push(...batch.messages.map(({ body }) => body));
  },
} satisfies ExportedHandler<Env>;
