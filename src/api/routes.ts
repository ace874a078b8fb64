/** The route table of the control API. A path without parameters stands before one that would match it. */
import { accountRoutes } from "./handlers/accounts.ts";
import { applicationRoutes } from "./handlers/applications.ts";
import { auditRoutes } from "./handlers/audit.ts";
import { dashRoutes } from "./handlers/dash.ts";
import { eventRoutes } from "./handlers/events.ts";
import { instanceRoutes } from "./handlers/instances.ts";
import { metricsRoutes } from "./handlers/metrics.ts";
import { tokenRoutes } from "./handlers/tokens.ts";
import { ipRoutes } from "./handlers/ips.ts";
import { meRoutes } from "./handlers/me.ts";
import type { Route } from "./route.ts";
import { imagePreparationRoutes } from "./handlers/image-preparations.ts";
import { protocolRoutes } from "./handlers/protocols.ts";
import { registryRoutes } from "./handlers/registries.ts";
import { secretRoutes } from "./handlers/secrets.ts";
import { secretsStoreRoutes } from "./handlers/secrets-store.ts";
import { sshKeyRoutes } from "./handlers/ssh-keys.ts";

export const ROUTES: readonly Route[] = [
  ...applicationRoutes,
  ...instanceRoutes,
  ...eventRoutes,
  ...metricsRoutes,
  ...dashRoutes,
  ...tokenRoutes,
  ...auditRoutes,
  ...secretRoutes,
  ...sshKeyRoutes,
  ...protocolRoutes,
  ...registryRoutes,
  ...imagePreparationRoutes,
  ...secretsStoreRoutes,
  ...accountRoutes,
  ...meRoutes,
  ...ipRoutes,
];
