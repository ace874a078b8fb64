/** Every stub of Gantry's objects is made here, so that how a name becomes an object is written down once. */

export function accountStub(env: Env, accountId: string) {
  return env.ACCOUNT.getByName(accountId);
}

export function applicationStub(env: Env, applicationId: string) {
  return env.APPLICATION.getByName(applicationId);
}

/** One object per deployment: the deployment's id is its name, its public instance id is the object's id. */
export function instanceStub(env: Env, deploymentId: string) {
  return env.INSTANCE.getByName(deploymentId);
}

export function publicInstanceId(env: Env, deploymentId: string): string {
  return env.INSTANCE.idFromName(deploymentId).toString();
}
