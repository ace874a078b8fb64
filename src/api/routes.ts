/** The route table of the control API. A path without parameters stands before one that would match it. */
import { accountRoutes } from "./handlers/accounts.ts";
import { applicationRoutes } from "./handlers/applications.ts";
import { auditRoutes } from "./handlers/audit.ts";
import { bridgeRoutes } from "./handlers/bridge.ts";
import { dashRoutes } from "./handlers/dash.ts";
import { egressRoutes } from "./handlers/egress.ts";
import { eventRoutes } from "./handlers/events.ts";
import { execRoutes } from "./handlers/exec.ts";
import { explainRoutes } from "./handlers/explain.ts";
import { instanceRoutes } from "./handlers/instances.ts";
import { metricsRoutes } from "./handlers/metrics.ts";
import { ownerRoutes } from "./handlers/owners.ts";
import { tokenRoutes } from "./handlers/tokens.ts";
import { imageRoutes } from "./handlers/images.ts";
import { imagePreparationRoutes } from "./handlers/image-preparations.ts";
import { protocolRoutes } from "./handlers/protocols.ts";
import { registryRoutes } from "./handlers/registries.ts";
import { secretRoutes } from "./handlers/secrets.ts";
import { secretsStoreRoutes } from "./handlers/secrets-store.ts";
import { sshRoutes } from "./handlers/ssh.ts";
import { sshKeyRoutes } from "./handlers/ssh-keys.ts";
import { ipRoutes } from "./handlers/ips.ts";
import { logRoutes } from "./handlers/logs.ts";
import { meRoutes } from "./handlers/me.ts";
import { wholeApplicationRoutes } from "./handlers/whole-application.ts";
import { instanceActionRoutes } from "./handlers/instance-actions.ts";
import { waitRoutes } from "./handlers/wait.ts";
import { jobRoutes } from "./handlers/jobs.ts";
import { scheduleRoutes } from "./handlers/schedules.ts";
import { taskRoutes } from "./handlers/tasks.ts";
import { leaseRoutes } from "./handlers/leases.ts";
import { rolloutActionRoutes } from "./handlers/rollout-actions.ts";
import { rolloutRoutes } from "./handlers/rollouts.ts";
import { deploymentRoutes } from "./handlers/deployments.ts";
import { placementRoutes } from "./handlers/placements.ts";
import type { Route } from "./route.ts";

export const ROUTES: readonly Route[] = [
  ...applicationRoutes,
  ...wholeApplicationRoutes,
  ...explainRoutes,
  ...instanceRoutes,
  ...egressRoutes,
  ...bridgeRoutes,
  ...logRoutes,
  ...instanceActionRoutes,
  ...execRoutes,
  ...sshRoutes,
  ...waitRoutes,
  ...jobRoutes,
  ...scheduleRoutes,
  ...taskRoutes,
  ...leaseRoutes,
  ...rolloutRoutes,
  ...rolloutActionRoutes,
  ...deploymentRoutes,
  ...placementRoutes,
  ...eventRoutes,
  ...metricsRoutes,
  ...dashRoutes,
  ...secretRoutes,
  ...sshKeyRoutes,
  ...protocolRoutes,
  ...registryRoutes,
  ...imagePreparationRoutes,
  ...imageRoutes,
  ...secretsStoreRoutes,
  ...ownerRoutes,
  ...tokenRoutes,
  ...auditRoutes,
  ...accountRoutes,
  ...meRoutes,
  ...ipRoutes,
];
