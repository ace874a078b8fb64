/**
 * `npm run deploy` from start to end: read → plan → print → ask → create → deploy → report. Everything it touches of the
 * outside is handed in, so that the tests run the whole command against a recorded Cloudflare API.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bundleWorkloads } from "../launcher/workload-bundles.ts";
import type { Account } from "./cloudflare/api.ts";
import { createResource, findResources } from "./cloudflare/resources.ts";
import { findWorker, listApplications } from "./cloudflare/worker.ts";
import { type Config, readConfig } from "./config.ts";
import { DeployError } from "./deploy-error.ts";
import { describePlan, nameResource } from "./describe-plan.ts";
import { type Desired, desiredOf, type DesiredSecret } from "./desired.ts";
import { dockerProblem } from "./docker.ts";
import { derivedName, environmentConfig } from "./environment.ts";
import { type Credentials, type Options, parseOptions, readCredentials, USAGE, type Variables } from "./options.ts";
import { type Existing, type ExistingResource, planDeploy, type Step } from "./plan.ts";
import { buildsImages, relocateConfig } from "./relocate.ts";
import { reportDeployment } from "./report.ts";
import { makeSecrets, type SecretValues, withSecretsFile } from "./secrets.ts";
import { runWrangler, type WranglerDeploy, type WranglerResult } from "./wrangler.ts";

export interface Surroundings {
  /** The folder of wrangler.jsonc. */
  readonly root: string;
  readonly variables: Variables;
  readonly print: (text: string) => void;
  /** Asks the person at the terminal, or undefined when there is none. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  readonly wait: (ms: number) => Promise<void>;
  readonly deployWorker?: (deploy: WranglerDeploy) => Promise<WranglerResult>;
}

export async function deploy(argv: readonly string[], around: Surroundings): Promise<void> {
  const options = parseOptions(argv, around.variables);
  if (options === "help") return around.print(USAGE);
  const credentials = readCredentials(around.variables);
  const account: Account = { ...credentials, wait: around.wait };

  const base = await readConfig(join(around.root, "wrangler.jsonc"));
  const config = environmentConfig(base, { ...options, accountId: credentials.accountId });
  const desired = desiredOf(config, around.variables);
  const existing = await observe(account, desired);
  const steps = planDeploy({ desired, existing });
  const domain = JSON.stringify(config.vars?.["INGRESS_DOMAIN"]);
  around.print(`Gantry, ${options.environment}, in account ${credentials.accountId}, ingress domain ${domain}:`);
  around.print(describePlan(desired, existing, steps));
  if (options.dryRun) return around.print("Dry run: nothing was changed.");

  refuseUnsafe(steps, around.variables);
  if (!(await isConfirmed(options, around))) return around.print("Nothing was changed.");
  await prepareImages(config, options, around);

  const created: ExistingResource[] = [];
  for (const step of steps) {
    if (step.type !== "create") continue;
    created.push(await createResource(account, step.resource));
    around.print(`created ${nameResource(step.resource)}`);
  }
  const configPath = join(around.root, "dist", `wrangler.${options.environment}.json`);
  await writeConfig(fillIds(config, [...existing.resources, ...created]), around.root, configPath);
  await deployWorker({ account, config, steps, configPath, options, credentials }, around);
}

async function observe(account: Account, desired: Desired): Promise<Existing> {
  return {
    worker: await findWorker(account, desired.worker),
    resources: await findResources(account, desired.resources),
    applications: desired.applications.length === 0 ? [] : await listApplications(account),
  };
}

function refuseUnsafe(steps: readonly Step[], variables: Variables): void {
  const refused = steps.find((step) => step.type === "refuse");
  if (refused !== undefined) throw new DeployError(refused.reason);
  const secret = secretsOf(steps).find(({ shown }) => shown);
  if (secret !== undefined && isTrue(variables["CI"])) {
    throw new DeployError(
      `${secret.name} does not exist yet and a generated one would stay in the log of this CI run: ` +
        `hand it in as the variable ${secret.name}, or make the first deployment from a terminal`,
    );
  }
  // Values that were handed in are checked before anything is created.
  makeSecrets(secretsOf(steps), variables);
}

async function isConfirmed(options: Options, around: Surroundings): Promise<boolean> {
  if (options.yes) return true;
  if (around.confirm === undefined) {
    throw new DeployError("there is no terminal to ask for confirmation: add --yes to carry the plan out");
  }
  return await around.confirm(`Carry this out in ${options.environment}?`);
}

async function prepareImages(config: Config, options: Options, around: Surroundings): Promise<void> {
  if (options.containersRollout === "none" || !buildsImages(config)) return;
  const problem = await dockerProblem(around.root, around.variables);
  if (problem !== undefined) throw new DeployError(problem);
  await bundleWorkloads(around.root);
}

export function fillIds(config: Config, resources: readonly ExistingResource[]): Config {
  if (config.kv_namespaces === undefined) return config;
  const ids = new Map(resources.filter(({ kind }) => kind === "namespace").map(({ name, id }) => [name, id]));
  const withId = config.kv_namespaces.map((namespace) => {
    const id = namespace.id ?? ids.get(derivedName(config.name, namespace.binding));
    // Without an id wrangler would make a namespace of its own beside ours.
    if (id === undefined) throw new Error(`the KV namespace of ${namespace.binding} has no id`);
    return { ...namespace, id };
  });
  return { ...config, kv_namespaces: withId };
}

async function writeConfig(config: Config, root: string, path: string): Promise<void> {
  const relocated = relocateConfig(config, root, dirname(path));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(relocated, null, 2)}\n`);
}

interface Deployment {
  readonly account: Account;
  readonly config: Config;
  readonly steps: readonly Step[];
  readonly configPath: string;
  readonly options: Options;
  readonly credentials: Credentials;
}

async function deployWorker(deployment: Deployment, around: Surroundings): Promise<void> {
  const { account, config, configPath, options } = deployment;
  // Asked again: whoever deployed since the plan was made has secrets in use that must not be replaced.
  const before = await findWorker(account, config.name);
  const secrets = secretsOf(deployment.steps).filter(({ name }) => !before.secrets.includes(name));
  const values: SecretValues = makeSecrets(secrets, around.variables);
  const result = await withSecretsFile(values, (secretsFile) =>
    (around.deployWorker ?? runWrangler)({
      root: around.root,
      configPath,
      secretsFile,
      containersRollout: options.containersRollout,
      variables: around.variables,
    }),
  );
  await reportDeployment({ account, worker: config.name, secrets, values, result, print: around.print });
}

function secretsOf(steps: readonly Step[]): DesiredSecret[] {
  return steps.flatMap((step) => (step.type === "add_secret" ? [step.secret] : []));
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
