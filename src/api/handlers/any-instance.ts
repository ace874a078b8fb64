/**
 * An instance by an id alone, as paths without an application name it: the public id, or that of its deployment, which is
 * what Cloudflare's clients print. What the caller may not reach is not there.
 */
import { parseDeploymentId } from "../../orchestrator/deployment-id.ts";
import { instanceStubOf } from "../../stubs.ts";
import type { Call } from "../route.ts";
import { lookUp } from "./deployment-lookup.ts";
import { instanceNotFound } from "./lookup.ts";
import { GantryError } from "../../errors.ts";

export interface FoundInstance {
  readonly deploymentId: string;
  /** That it runs. */
  readonly version: number;
}

export async function findInstance(
  call: Pick<Call<unknown, unknown>, "env" | "accountId" | "actor">,
  id: string,
): Promise<FoundInstance> {
  const deploymentId = parseDeploymentId(id) === null ? await deploymentOf(call.env, id) : id;
  const found = deploymentId === null ? null : await lookUp(call, deploymentId).catch(asMissing);
  if (found === null) throw instanceNotFound(id);
  const { deployment } = found.instance;
  return { deploymentId: deployment.id, version: deployment.version };
}

/** Only ids of objects of ours are any. */
async function deploymentOf(env: Env, publicId: string): Promise<string | null> {
  return (await instanceStubOf(env, publicId)?.placedAs()) ?? null;
}

/** It is said of the instance, which is what was asked for. */
function asMissing(error: unknown): null {
  if (GantryError.is(error) && error.code === "DEPLOYMENT_NOT_FOUND") return null;
  throw error;
}
