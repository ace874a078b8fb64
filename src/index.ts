/** What the platform sees: the objects and the handlers. No logic. */
import { sweep } from "./jobs/schedules/watch.ts";
import { consume } from "./jobs/tasks/consumer.ts";
import { route } from "./router.ts";

export { Account } from "./account/account.ts";
export { Application } from "./orchestrator/application.ts";
export { Egress } from "./egress/gateway.ts";
export { Gantry } from "./containers/entrypoint.ts";
export { ImagePreparation } from "./registry/images/preparation.ts";
export { Instance } from "./containers/instance.ts";
export { Registry } from "./registry/store/registry.ts";
export { SharedState } from "./samples/shared-state.ts";

export default {
  fetch: route,
  queue: consume,
  scheduled: async (_, env) => await sweep(env),
} satisfies ExportedHandler<Env>;
