/** The dashboard's endpoints, which are what `wrangler containers list` and `instances` read. */
import * as z from "zod";
import { pageQuery } from "../pagination.ts";
import { defineRoute } from "../route.ts";
import { wireDashApplication, wireDashInstances } from "../wire.ts";
import { pageOfInstances, readInstances } from "./instances.ts";
import { findApplication, pageOfApplications, viewsOf } from "./lookup.ts";

const PER_PAGE = 25;
const MAX_PER_PAGE = 100;
const pages = z.strictObject(pageQuery(PER_PAGE, MAX_PER_PAGE));

export const dashRoutes = [
  defineRoute({
    method: "GET",
    path: "/dash/applications",
    summary: "List application summaries",
    query: pages,
    run: async ({ env, accountId, query }) => {
      const { page, info } = await pageOfApplications(env, accountId, query);
      return { result: (await viewsOf(env, page)).map(wireDashApplication), resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/dash/applications/:id/instances",
    summary: "List an application's instances with their objects",
    query: pages,
    run: async (call) => {
      const { id } = await findApplication(call);
      const { page, info } = pageOfInstances(await readInstances(call.env, id), call.query);
      return { result: wireDashInstances(page), resultInfo: info };
    },
  }),
];
