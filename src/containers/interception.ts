/**
 * Which of a container's requests come to Gantry, all to one entrypoint that knows whose they are. Registered before the
 * start and awaited, so that no container runs without; everything else it asks for goes nowhere.
 */
import type { ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

export async function interceptOutbound(port: ContainerPort, record: RunRecord): Promise<void> {
  const { applicationId, deploymentId, generation, reach = "http" } = record;
  await port.intercept(reach, { applicationId, deploymentId, generation });
}
