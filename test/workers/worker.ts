/** The control plane's own Worker, with a container platform in memory behind the port, and objects that may die. */
import control from "../../src/index.ts";
import { Account as RealAccount } from "../../src/account/account.ts";
import { Instance as RealInstance } from "../../src/containers/instance.ts";
import { Application as RealApplication } from "../../src/orchestrator/application.ts";
import type { Followed, News, Order, Told } from "../../src/orchestrator/shards/protocol.ts";
import { isCrash } from "./crash-points.ts";
import { BASE_CONTAINER, containerOf } from "./fake-container.ts";
import { envOf, envOfRequest, mortal, mortalContainer } from "./mortality.ts";
import { withShards } from "./shard-count.ts";

export { ContainerEvents, Functions, PlainStandIn, Silent, StandIn, StoreSecret } from "./bound-workers.ts";
export { Room } from "./room.ts";
export { Egress } from "../../src/egress/gateway.ts";
export { Gantry } from "../../src/containers/entrypoint.ts";
export { ImagePreparation } from "../../src/registry/images/preparation.ts";
export { Registry } from "../../src/registry/store/registry.ts";
export { SharedState } from "../../src/samples/shared-state.ts";

/** What the queue of dead letters was given. */
export const buried: unknown[] = [];

export default {
  fetch: (request, env, ctx) => control.fetch(request, envOfRequest(env, request), ctx),
  queue: async (batch, env) => {
    if (batch.queue === "gantry-tasks") await control.queue(batch, env);
    else buried.push(...batch.messages.map(({ body }) => body));
  },
  scheduled: control.scheduled,
} satisfies ExportedHandler<Env>;

export class Account extends RealAccount {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, envOf(env, ctx, "ACCOUNT", mortal(ctx, "ACCOUNT")));
  }
}

export class Application extends RealApplication {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, withShards(envOf(env, ctx, "APPLICATION", mortal(ctx, "APPLICATION"))));
  }

  override follow(order: Order): Followed {
    return this.#dying("follow", () => super.follow(order));
  }

  override told(news: News): Told {
    return this.#dying("told", () => super.told(news));
  }

  /** The caller is another object, which waits for what it gets. */
  #dying<T>(point: string, work: () => T): T {
    const name = this.ctx.id.name ?? "";
    if (isCrash(name, `before ${point}`)) this.ctx.abort(`before ${point}`);
    const answer = work();
    if (!isCrash(name, `after ${point}`)) return answer;
    const kept = this.ctx.storage.sync().then(() => this.ctx.abort(`after ${point}`));
    return kept as unknown as T;
  }
}

export class Instance extends RealInstance {
  constructor(ctx: DurableObjectState<{}>, env: Env) {
    Object.defineProperty(ctx, "container", { value: BASE_CONTAINER });
    const point = mortal(ctx, "INSTANCE");
    super(ctx, envOf(env, ctx, "INSTANCE", point), mortalContainer(containerOf(ctx.id.toString()).attached(), point));
  }
}
