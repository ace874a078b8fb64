/** The dashboard's endpoints, which are what `wrangler containers list` and `instances` read. */
import * as z from "zod";
import { pageQuery } from "../pagination.ts";
import { dashApplicationResult } from "../results/application.ts";
import { dashInstancesResult } from "../results/instance.ts";
import { defineRoute } from "../route.ts";
import { wireDashApplication } from "../wire/application.ts";
import { wireDashInstances } from "../wire/instance.ts";
import { pageOfInstances, readInstances } from "./instances.ts";
import { findApplication, pageOfApplications, viewsOf } from "./lookup.ts";

/** wrangler asks for one page and shows no more. */
const PER_PAGE = 1_000;
const MAX_PER_PAGE = 1_000;
const pages = z.strictObject(pageQuery(PER_PAGE, MAX_PER_PAGE));

export const dashRoutes = [
  defineRoute({
    method: "GET",
    path: "/dash/applications",
    tag: "Dashboard",
    summary: "List application summaries",
    query: pages,
    result: z.array(dashApplicationResult),
    paged: true,
    plainErrors: true,
    run: async ({ query, ...call }) => {
      const { page, info } = await pageOfApplications(call, query);
      return { result: (await viewsOf(call.env, page)).map(wireDashApplication), resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/dash/applications/:id/instances",
    tag: "Dashboard",
    summary: "List an application's instances with their objects",
    query: pages,
    result: dashInstancesResult,
    paged: true,
    plainErrors: true,
    errors: ["APPLICATION_NOT_FOUND"],
    run: async (call) => {
      const { id } = findApplication(call);
      const { page, info } = pageOfInstances(await readInstances(call.env, id), call.query);
      return { result: wireDashInstances(page), resultInfo: info };
    },
  }),
];
