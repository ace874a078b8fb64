/** The control plane's own Worker, with a container platform in memory behind the port. */
import { Instance as RealInstance } from "../../src/containers/instance.ts";
import { Application as RealApplication } from "../../src/orchestrator/application.ts";
import { BASE_CONTAINER, containerOf } from "./fake-container.ts";
import { withShards } from "./shard-count.ts";

export { default } from "../../src/index.ts";
export { Gantry } from "../../src/containers/entrypoint.ts";
export { Account } from "../../src/account/account.ts";

export class Application extends RealApplication {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, withShards(env));
  }
}

export class Instance extends RealInstance {
  constructor(ctx: DurableObjectState<{}>, env: Env) {
    Object.defineProperty(ctx, "container", { value: BASE_CONTAINER });
    super(ctx, env, containerOf(ctx.id.toString()));
  }
}
