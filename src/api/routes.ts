/** The route table of the control API. */
import { applicationRoutes } from "./handlers/applications.ts";
import { dashRoutes } from "./handlers/dash.ts";
import { eventRoutes } from "./handlers/events.ts";
import { instanceRoutes } from "./handlers/instances.ts";
import type { Route } from "./route.ts";

export const ROUTES: readonly Route[] = [...applicationRoutes, ...instanceRoutes, ...eventRoutes, ...dashRoutes];
