/** The control plane's own Worker, with a container platform in memory behind the port. */
import { Instance as RealInstance } from "../../src/containers/instance.ts";
import { BASE_CONTAINER, containerOf } from "./fake-container.ts";

export { default } from "../../src/index.ts";
export { Account } from "../../src/account/account.ts";
export { Application } from "../../src/orchestrator/application.ts";

export class Instance extends RealInstance {
  constructor(ctx: DurableObjectState<{}>, env: Env) {
    Object.defineProperty(ctx, "container", { value: BASE_CONTAINER });
    super(ctx, env, containerOf(ctx.id.toString()));
  }
}
