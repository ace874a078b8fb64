/** The route table of the control API. A path without parameters stands before one that would match it. */
import { accountRoutes } from "./handlers/accounts.ts";
import { applicationRoutes } from "./handlers/applications.ts";
import { auditRoutes } from "./handlers/audit.ts";
import { dashRoutes } from "./handlers/dash.ts";
import { eventRoutes } from "./handlers/events.ts";
import { instanceRoutes } from "./handlers/instances.ts";
import { tokenRoutes } from "./handlers/tokens.ts";
import type { Route } from "./route.ts";

export const ROUTES: readonly Route[] = [
  ...applicationRoutes,
  ...instanceRoutes,
  ...eventRoutes,
  ...dashRoutes,
  ...tokenRoutes,
  ...auditRoutes,
  ...accountRoutes,
];
