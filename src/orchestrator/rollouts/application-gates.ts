/** The gates of an application's rollout, wired to its instances and to the network. */
import { instanceStub } from "../../stubs.ts";
import { GateRunner, type GateRunnerDeps } from "./gate-runner.ts";

export interface ApplicationGatesDeps extends Pick<
  GateRunnerDeps,
  "rollout" | "application" | "members" | "onMeasured" | "background"
> {
  readonly env: Env;
}

export function applicationGates({ env, ...deps }: ApplicationGatesDeps): GateRunner {
  return new GateRunner({
    ...deps,
    clock: Date.now,
    fetchWebhook: (request) => fetch(request),
    checkInstance: async ({ deploymentId, generation }, check) =>
      await instanceStub(env, deploymentId).checkForGate(generation, check),
    requestCounts: async ({ deploymentId, generation }, since) =>
      await instanceStub(env, deploymentId).requestTotals(generation, since),
  });
}
