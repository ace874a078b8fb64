/** Every stub of Gantry's objects is made here, so that how a name becomes an object is written down once. */

import { parseDeploymentId, placeOf } from "./orchestrator/deployment-id.ts";
import type { Region } from "./orchestrator/placement/location.ts";
import { objectName } from "./orchestrator/shards/sharding.ts";

export function accountStub(env: Env, accountId: string) {
  return env.ACCOUNT.getByName(accountId);
}

/** The index of an account's image repositories. */
export function registryStub(env: Env, accountId: string) {
  return env.REGISTRY.getByName(accountId);
}

/** One for each image that is made startable: by its digest, wherever it was found. */
export function imagePreparationStub(env: Env, accountId: string, pin: string) {
  return env.IMAGE_PREPARATION.getByName(`${accountId}/${pin.slice(pin.indexOf("@") + 1)}`);
}

/** The application as a whole: its first shard, which is all of it but for the largest. */
export function applicationStub(env: Env, applicationId: string) {
  return shardStub(env, applicationId, 0);
}

export function shardStub(env: Env, applicationId: string, shard: number) {
  return env.APPLICATION.getByName(objectName(applicationId, shard));
}

/** The scheduler object that has a deployment. */
export function schedulerStub(env: Env, applicationId: string, deploymentId: string) {
  return shardStub(env, applicationId, parseDeploymentId(deploymentId)?.shard ?? 0);
}

/** An application, or a shard of it, by the name under which the account's capacity knows it. */
export function claimantStub(env: Env, claimant: string) {
  return env.APPLICATION.getByName(claimant);
}

/**
 * One object per deployment: the deployment's id is its name, its public instance id is the object's id. Its region and
 * jurisdiction are in the deployment's id, because the first call decides where an object is, whoever makes it.
 */
export function instanceStub(env: Env, deploymentId: string) {
  const hint = locationHint(deploymentId);
  return instancesOf(env, deploymentId).getByName(deploymentId, hint === null ? {} : { locationHint: hint });
}

/** By its public id. Null for what is none of ours, which never makes an object. */
export function instanceStubOf(env: Env, publicId: string) {
  try {
    return env.INSTANCE.get(env.INSTANCE.idFromString(publicId));
  } catch {
    return null;
  }
}

export function publicInstanceId(env: Env, deploymentId: string): string {
  return instancesOf(env, deploymentId).idFromName(deploymentId).toString();
}

/** The regions' codes are the platform's hints. */
export function locationHint(deploymentId: string): DurableObjectLocationHint | null {
  const region = placeOf(deploymentId)?.region;
  return region === undefined ? null : HINTS[region];
}

const HINTS: Readonly<Record<Region, DurableObjectLocationHint>> = {
  AFR: "afr",
  APAC: "apac",
  EEUR: "eeur",
  ENAM: "enam",
  ME: "me",
  OC: "oc",
  SAM: "sam",
  WEUR: "weur",
  WNAM: "wnam",
};

function instancesOf(env: Env, deploymentId: string) {
  const jurisdiction = placeOf(deploymentId)?.jurisdiction ?? null;
  return jurisdiction === null ? env.INSTANCE : within(env, jurisdiction);
}

function within(env: Env, jurisdiction: DurableObjectJurisdiction) {
  try {
    return env.INSTANCE.jurisdiction(jurisdiction);
  } catch (error) {
    // workerd alone is one place, which has none: what is asked for is kept, and the place is verified anyway.
    if (!isNotImplemented(error)) throw error;
    return env.INSTANCE;
  }
}

function isNotImplemented(error: unknown): boolean {
  return error instanceof Error && error.message.includes("not implemented in workerd");
}
