/** The control plane's own Worker, with a container platform in memory behind the port. */
import { Instance as RealInstance } from "../../src/containers/instance.ts";
import { Application as RealApplication } from "../../src/orchestrator/application.ts";
import type { Followed, News, Order, Told } from "../../src/orchestrator/shards/protocol.ts";
import { isCrash } from "./crash-points.ts";
import { BASE_CONTAINER, containerOf } from "./fake-container.ts";
import { withShards } from "./shard-count.ts";

export { default } from "../../src/index.ts";
export { Gantry } from "../../src/containers/entrypoint.ts";
export { Account } from "../../src/account/account.ts";

export class Application extends RealApplication {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, withShards(env));
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
    super(ctx, env, containerOf(ctx.id.toString()));
  }
}
