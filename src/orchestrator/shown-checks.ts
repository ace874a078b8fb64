/** The checks of an instance as people see them: what it last said, and what it has not yet said anything about. Pure. */
import type { Configuration } from "../api/schemas/configuration.ts";
import { newStates } from "../containers/verdicts.ts";
import type { CheckState } from "./check-state.ts";
import { toLaunchSpec } from "./launch-spec.ts";
import type { Deployment } from "./plan/deployment.ts";

/** None without a container. */
export function shownChecks(configuration: Configuration, deployment: Deployment): readonly CheckState[] {
  const { phase, since, checks } = deployment;
  if (phase !== "starting" && phase !== "running") return [];
  return checks ?? newStates(toLaunchSpec(configuration).probes, since);
}
