/** Lists of deployments: those of all applications and the standalone ones, in order of application and id. */
import * as z from "zod";
import type { ApplicationEntry } from "../../account/applications.ts";
import { inBatches } from "../../batches.ts";
import { parseDeploymentId } from "../../orchestrator/deployment-id.ts";
import type { Deployment } from "../../orchestrator/plan/deployment.ts";
import type { DeploymentsView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { hasLabels, labelQuery } from "../labels.ts";
import { decodePageToken, pageOf } from "../pagination.ts";
import type { Call } from "../route.ts";
import { mayReach } from "../scopes.ts";
import { configurationOf, wireDeployment } from "../wire/deployment.ts";
import { contextOf, type FoundDeployment } from "./deployment-lookup.ts";

const MAX_PAGE = 10_000;
/** Applications that are asked before it is seen whether a page is full. */
const CHUNK = 60;

const STATES = ["running", "stopped", "starting", "stopping"] as const;

export const deploymentListQuery = z.strictObject({
  app_id: z.string().max(100).optional().describe("Only deployments of this application"),
  location: z.string().max(64).optional().describe("Only deployments that were asked to run at this location"),
  image: z.string().max(512).optional().describe("Only deployments of this image"),
  state: z.enum(STATES).optional().describe("Only deployments whose container is in this state"),
  ipv4: z.string().max(64).optional().describe("Only the deployment that has this IPv4 address"),
  label: labelQuery,
  per_page: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE).describe("Most to list; default: all"),
  page_token: z.string().max(512).optional().describe("`next_page_token` of the answer before"),
});

type ListCall = Call<z.output<typeof deploymentListQuery>, null>;

export async function listDeployments(call: ListCall) {
  const { query } = call;
  const after = decodePageToken(query.page_token);
  const first = after === "" ? null : parseDeploymentId(after)?.applicationId;
  if (first === undefined) throw invalid({ page_token: "is not a token of this list" });
  const result: ReturnType<typeof wireDeployment>[] = [];
  // A prefix of the id, so that the application where the last page ended is asked again.
  let cursor = first === null ? "" : first.slice(0, -1);
  while (result.length <= query.per_page) {
    const entries = await chunkOf(call, cursor);
    const found = (await deploymentsOf(call.env, entries.within)).filter(
      ({ instance }) => after === "" || sortKey(instance.deployment.id) > sortKey(after),
    );
    result.push(...(await wired(call, found)));
    if (entries.last === null) break;
    cursor = entries.last;
  }
  return pageOf(result, query.per_page, query.page_token, ({ id }) => id);
}

async function chunkOf({ env, accountId, actor, query }: ListCall, cursor: string) {
  const account = accountStub(env, accountId);
  if (query.app_id !== undefined) {
    const entry: ApplicationEntry | null = await account.findApplication(query.app_id);
    return { within: entry !== null && mayReach(actor, entry) ? [entry] : [], last: null };
  }
  const entries: ApplicationEntry[] = await account.listApplications(null, cursor, CHUNK);
  const last = entries.length < CHUNK ? null : (entries.at(-1)?.id ?? null);
  return { within: entries.filter((entry) => mayReach(actor, entry)), last };
}

async function deploymentsOf(env: Env, entries: readonly ApplicationEntry[]): Promise<FoundDeployment[]> {
  const views: FoundDeployment[][] = await inBatches(entries, async ({ id }) => {
    const view: DeploymentsView | null = await applicationStub(env, id).deployments();
    if (view === null) return [];
    return view.instances.map((instance) => ({ application: view.application, instance }));
  });
  return views.flat().toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ instance }: FoundDeployment): string {
  return sortKey(instance.deployment.id);
}

/** By application first, as they are asked: an id begins with a place. */
function sortKey(id: string): string {
  return `${parseDeploymentId(id)?.applicationId ?? ""} ${id}`;
}

async function wired(call: ListCall, found: readonly FoundDeployment[]) {
  const { location, image, state, ipv4, label } = call.query;
  const matching = found.filter(({ application, instance }) => {
    const configuration = configurationOf(application, instance);
    return (
      (location === undefined || (configuration.location ?? instance.deployment.location) === location) &&
      (image === undefined || configuration.image === image) &&
      (state === undefined || stateOf(instance.deployment) === state) &&
      hasLabels(configuration, label)
    );
  });
  if (matching.length === 0) return [];
  const context = await contextOf(call, matching);
  return matching
    .map(({ application, instance }) => wireDeployment(application, instance, context))
    .filter(({ network }) => ipv4 === undefined || network.ipv4 === ipv4);
}

function stateOf({ phase }: Deployment): (typeof STATES)[number] {
  return phase === "pending" ? "stopped" : phase;
}
