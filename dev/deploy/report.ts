/**
 * The end of a deployment. A deployment can fail after its secrets were stored (an image, a route, a consumer), and then
 * the admin token exists and will never be generated again: so it is shown whenever the Worker has it, not only when
 * everything went well.
 */
import type { Account } from "./cloudflare/api.ts";
import { findWorker } from "./cloudflare/worker.ts";
import { DeployError } from "./deploy-error.ts";
import type { DesiredSecret } from "./desired.ts";
import type { SecretValues } from "./secrets.ts";
import type { WranglerResult } from "./wrangler.ts";

export interface Outcome {
  readonly account: Account;
  readonly worker: string;
  readonly secrets: readonly DesiredSecret[];
  readonly values: SecretValues;
  readonly result: WranglerResult;
  readonly print: (text: string) => void;
}

export async function reportDeployment({ account, worker, secrets, values, result, print }: Outcome): Promise<void> {
  const shown = secrets.filter((secret) => secret.shown);
  if (shown.length > 0) {
    const stored = result.ok ? shown.map(({ name }) => name) : await storedSecrets(account, worker);
    for (const { name } of shown) {
      const value = values.get(name);
      if (value === undefined || stored?.includes(name) === false) continue;
      const doubt = stored === undefined ? " (if the Worker has stored it: Cloudflare could not be asked)" : "";
      print(`\n${name}, shown this once, keep it${doubt}:\n\n  ${value}\n`);
    }
  }
  if (!result.ok) {
    throw new DeployError(`${result.reason}; what was created stays, and running the command again goes on from there`);
  }
  print(`Deployed ${worker}, version ${result.versionId}.`);
  for (const target of result.targets) print(`  ${target}`);
}

async function storedSecrets(account: Account, worker: string): Promise<readonly string[] | undefined> {
  try {
    return (await findWorker(account, worker)).secrets;
  } catch {
    return undefined;
  }
}
