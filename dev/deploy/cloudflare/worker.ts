/** What an account holds of a Worker: whether it exists, the names of its secrets, the container applications. */
import * as z from "zod";
import { DeployError } from "../deploy-error.ts";
import type { Existing } from "../plan.ts";
import { CONTAINERS_PERMISSION, WORKER_PERMISSION } from "../resources.ts";
import { type Account, callCloudflare, CloudflareError } from "./api.ts";
import { listAll } from "./pages.ts";

/** "This Worker does not exist on your account": of the script, and of its legacy environment. */
const WORKER_NOT_FOUND: ReadonlySet<number> = new Set([10_007, 10_090]);

/** What the API answers about a product that the account is not entitled to. */
const COULD_NOT_ROUTE = 7003;

const secretsSchema = z.array(z.looseObject({ name: z.string() }));
const applicationSchema = z.looseObject({ name: z.string() });

export async function findWorker(account: Account, worker: string): Promise<Existing["worker"]> {
  const path = `/workers/scripts/${encodeURIComponent(worker)}/secrets`;
  try {
    const call = { method: "GET", path, permission: WORKER_PERMISSION } as const;
    const { result } = await callCloudflare(account, call, secretsSchema);
    return { exists: true, secrets: result.map(({ name }) => name) };
  } catch (error) {
    if (error instanceof CloudflareError && error.status === 404 && WORKER_NOT_FOUND.has(error.code)) {
      return { exists: false, secrets: [] };
    }
    throw error;
  }
}

/** Asked before anything is created: an account without Containers, or a token without the permission, stops here. */
export async function listApplications(account: Account): Promise<string[]> {
  const call = { method: "GET", path: "/containers/dash/applications", permission: CONTAINERS_PERMISSION } as const;
  try {
    return (await listAll(account, call, applicationSchema, "token")).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof CloudflareError) || error.code !== COULD_NOT_ROUTE) throw error;
    throw new DeployError("the account has no Containers: they come with the Workers Paid plan", { cause: error });
  }
}
