/** Every stub of Gantry's objects is made here, so that how a name becomes an object is written down once. */

import { placeOf } from "./orchestrator/deployment-id.ts";
import type { Region } from "./orchestrator/placement/location.ts";

export function accountStub(env: Env, accountId: string) {
  return env.ACCOUNT.getByName(accountId);
}

export function applicationStub(env: Env, applicationId: string) {
  return env.APPLICATION.getByName(applicationId);
}

/**
 * One object per deployment: the deployment's id is its name, its public instance id is the object's id. Its region and
 * jurisdiction are in the deployment's id, because the first call decides where an object is, whoever makes it.
 */
export function instanceStub(env: Env, deploymentId: string) {
  const hint = locationHint(deploymentId);
  return instancesOf(env, deploymentId).getByName(deploymentId, hint === null ? {} : { locationHint: hint });
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
