/**
 * The command line and the environment variables of `npm run deploy`, parsed once. Everything that is missing or wrong
 * is a DeployError that says what to do, so nothing is asked of Cloudflare with half a set of answers.
 */
import { parseArgs } from "node:util";
import { DeployError } from "./deploy-error.ts";
import { REQUIRED_PERMISSIONS } from "./resources.ts";

const ENVIRONMENTS = ["staging", "production"] as const;
const ROLLOUTS = ["immediate", "gradual", "none"] as const;

export type EnvironmentName = (typeof ENVIRONMENTS)[number];
type ContainersRollout = (typeof ROLLOUTS)[number];
export type Variables = Readonly<Record<string, string | undefined>>;

export interface Options {
  readonly environment: EnvironmentName;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly ingressDomain: string;
  readonly containersRollout: ContainersRollout | undefined;
}

export interface Credentials {
  readonly token: string;
  readonly accountId: string;
  readonly baseUrl: string;
}

const CLOUDFLARE_API = "https://api.cloudflare.com/client/v4";

export const USAGE = `npm run deploy -- --env staging|production [options]

  --env NAME                 staging or production: each has its own Worker, resources and secrets
  --dry-run                  print the plan and change nothing
  --yes                      do not ask before carrying the plan out
  --ingress-domain DOMAIN    applications answer at <application>.DOMAIN (or the variable INGRESS_DOMAIN)
  --containers-rollout KIND  immediate, gradual or none, as in wrangler; none leaves images and containers alone

Needs CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID; docs/deploy.md has the rest.`;

export function parseOptions(argv: readonly string[], variables: Variables): Options | "help" {
  const values = readArguments(argv);
  if (values.help === true) return "help";
  return {
    environment: oneOf("--env", values.env, ENVIRONMENTS) ?? fail(`--env is missing: ${ENVIRONMENTS.join(" or ")}`),
    dryRun: values["dry-run"] === true,
    yes: values.yes === true,
    ingressDomain: ingressDomain(values["ingress-domain"] ?? variables["INGRESS_DOMAIN"] ?? ""),
    containersRollout: oneOf("--containers-rollout", values["containers-rollout"], ROLLOUTS),
  };
}

export function readCredentials(variables: Variables): Credentials {
  const token = variables["CLOUDFLARE_API_TOKEN"] ?? "";
  const accountId = variables["CLOUDFLARE_ACCOUNT_ID"] ?? "";
  if (token === "") {
    fail(
      "CLOUDFLARE_API_TOKEN is not set: create a token at https://dash.cloudflare.com/profile/api-tokens " +
        `with the account permissions ${REQUIRED_PERMISSIONS.join(", ")}`,
    );
  }
  if (accountId === "") {
    fail(
      "CLOUDFLARE_ACCOUNT_ID is not set: it is the 32 hex digits after https://dash.cloudflare.com/ " +
        "when the account is open in the dashboard",
    );
  }
  if (!/^[0-9a-f]{32}$/.test(accountId)) {
    fail("CLOUDFLARE_ACCOUNT_ID is not an account id: 32 lower-case hex digits are expected");
  }
  const baseUrl = (variables["CLOUDFLARE_API_BASE_URL"] || CLOUDFLARE_API).replace(/\/+$/, "");
  return { token, accountId, baseUrl };
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        env: { type: "string" },
        "dry-run": { type: "boolean" },
        yes: { type: "boolean", short: "y" },
        "ingress-domain": { type: "string" },
        "containers-rollout": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new DeployError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function oneOf<T extends string>(flag: string, value: string | undefined, known: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  return known.find((each) => each === value) ?? fail(`${flag} is "${value}": ${known.join(" or ")} is expected`);
}

function ingressDomain(value: string): string {
  const domain = value.trim().toLowerCase();
  if (domain === "") return "";
  const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
  if (domain.length > 253 || !new RegExp(`^${label}(\\.${label})+$`).test(domain)) {
    fail(`the ingress domain "${value}" is not a host name such as apps.example.com`);
  }
  return domain;
}

function fail(message: string): never {
  throw new DeployError(message);
}
