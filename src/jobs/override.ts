/** What a job is given in place of its version's, as its attempts' slots know it. Pure. */
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { sizeOf } from "../orchestrator/launch-spec.ts";
import type { Override } from "../orchestrator/start/choice.ts";
import { protocolOf } from "../registry/resolve-image.ts";
import { jobConfiguration, type JobLaunch } from "./launch.ts";

/** `configuration`: the application's active one. Null: nothing is its own. */
export function overrideOf(id: string, launch: JobLaunch, configuration: StoredConfiguration): Override | null {
  const { instanceType, size, image } = launch;
  const isSized = instanceType !== null || size !== null;
  if (!isSized && image === null) return null;
  const protocol = image === null ? null : protocolOf(image);
  return {
    id,
    fields: [],
    ...(isSized ? { size: sizeOf(jobConfiguration(configuration, launch)) } : {}),
    ...(protocol === null ? {} : { protocol }),
  };
}
