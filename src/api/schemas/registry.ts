/** Bodies about image registries, their protocols and their credentials. */
import * as z from "zod";
import { REGISTRY_KINDS, type RegistryKind } from "../../account/registries.ts";
import { isPattern } from "../../registry/auth/patterns.ts";
import { isRepository, ownerOf } from "../../registry/oci/names.ts";
import { REGISTRY_PERMISSIONS } from "../../registry/credentials.ts";
import { MAX_REPOSITORY_LENGTH } from "../../registry/oci/names.ts";
import { secretName } from "./secret.ts";

export const REGISTRY_LIMITS = {
  domainLength: 253,
  credentialLength: 512,
  protocolDomains: 16,
  pathLength: 255,
  prefixLength: 128,
  refreshSeconds: 2_592_000,
} as const;
export const DEFAULT_REFRESH_SECONDS = 300;
const MAX_EXPIRATION_MINUTES = 10_080;

const host = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/;

/** `docker.io`, `localhost:5000`. */
export const registryDomain = z
  .string()
  .min(3)
  .max(REGISTRY_LIMITS.domainLength)
  .toLowerCase()
  .refine((domain) => host.test(domain), "must be a host with an optional port, without scheme or path")
  .refine((domain) => /[.:]/.test(domain), "must be a host name with a dot, or have a port");

/** `Generic` is any domain. */
const KIND_DOMAINS: Readonly<Record<Exclude<RegistryKind, "Generic">, { pattern: RegExp; form: string }>> = {
  DockerHub: { pattern: /^docker\.io$/, form: "docker.io" },
  ECR: {
    pattern: /^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$/,
    form: "<12 digits>.dkr.ecr.<region>.amazonaws.com",
  },
  GAR: { pattern: /^[a-z0-9-]+-docker\.pkg\.dev$/, form: "<location>-docker.pkg.dev" },
  GHCR: { pattern: /^ghcr\.io$/, form: "ghcr.io" },
};

const auth = z.strictObject({
  public_credential: z
    .string()
    .min(1)
    .max(REGISTRY_LIMITS.credentialLength)
    .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters")
    .describe("User name, AWS access key id or service account; shown by the registry's credentials"),
  private_credential: z
    .strictObject(
      {
        store_id: z
          .string()
          .min(1)
          .max(64)
          .describe("The account's secrets store, as GET …/secrets_store/stores tells it"),
        secret_name: secretName.describe("Secret of the account that holds the password or key; it must exist"),
      },
      {
        error: ({ code }) =>
          code === "invalid_type" ? "must be {store_id, secret_name}: raw values are not taken" : undefined,
      },
    )
    .describe("Where the private half of the credential is"),
});

const pullThrough = z
  .strictObject({
    prefix: z
      .string()
      .min(1)
      .max(REGISTRY_LIMITS.prefixLength)
      .refine(isPrefix, "must be one part of a repository name: lower-case letters, digits, and ., _ or - between them")
      .refine((prefix) => !looksLikeAccount(prefix), "must not look like an account id")
      .optional()
      .describe(
        "First part of the names under which its images are pulled from here, unique in the account; default: the domain, where it has no port",
      ),
    refresh_seconds: z
      .int()
      .min(0)
      .max(REGISTRY_LIMITS.refreshSeconds)
      .optional()
      .describe(`Seconds after which a tag is asked for anew, 0: each time; default: ${DEFAULT_REFRESH_SECONDS}`),
  })
  .describe("Its images are pulled through the managed registry, which keeps what it has copied");

/** Null: the domain is none, and one must be given. */
export function defaultPrefix(domain: string): string | null {
  return isPrefix(domain) && !looksLikeAccount(domain) ? domain : null;
}

function isPrefix(text: string): boolean {
  return isRepository(text) && !text.includes("/");
}

function looksLikeAccount(prefix: string): boolean {
  return ownerOf(`${prefix}/x`).accountId !== null;
}

export const createRegistrySchema = z
  .strictObject({
    domain: registryDomain.describe("Host of the registry, unique in the account"),
    kind: z.enum(REGISTRY_KINDS).optional().describe("What registry it is; decides what the domain must look like"),
    auth: auth.optional().describe("How it is read; needs `kind`"),
    is_public: z
      .boolean()
      .optional()
      .describe("Without `auth`: true needs no credentials; false makes a key pair whose public half the answer shows"),
    pull_through: pullThrough.optional(),
  })
  .superRefine(({ domain, kind, auth: given, is_public }, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (kind !== undefined && given === undefined) issue("auth", "is required with kind");
    if (kind === undefined && given !== undefined) issue("kind", "is required with auth");
    if (given !== undefined && is_public === true) issue("is_public", "must be false or absent with auth");
    if (kind === undefined && given === undefined && is_public === undefined) {
      issue("is_public", "is required, or give kind and auth");
    }
    if (kind === undefined || kind === "Generic" || KIND_DOMAINS[kind].pattern.test(domain)) return;
    issue("domain", `must be ${KIND_DOMAINS[kind].form} for kind ${kind}`);
  });

export const changeRegistrySchema = z.strictObject({
  auth: auth.optional().describe("Another credential, of a registry that has one"),
  pull_through: pullThrough.nullable().optional().describe("In place of what it had; null ends it"),
});

const source = z.strictObject({
  domain: registryDomain.describe("A registry of the account, or the managed one"),
  path: z
    .string()
    .max(REGISTRY_LIMITS.pathLength)
    .regex(
      /^(?:[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*)?$/,
      "must be lower-case path parts with / between them",
    )
    .describe("Stands between the domain and the image's name; may be empty"),
});

export const protocolSchema = z.strictObject({
  proto: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]{0,62}$/, "must be 1 to 63 lower-case letters, digits, +, - or ., beginning with a letter")
    .describe("What stands before :// in an image"),
  domains: z
    .array(source)
    .min(1)
    .max(REGISTRY_LIMITS.protocolDomains)
    .describe("Where an image of the protocol is looked for, in order"),
});

const MAX_REPOSITORIES = 16;

export const credentialsSchema = z.strictObject({
  permissions: z
    .array(z.enum(REGISTRY_PERMISSIONS))
    .min(1)
    .max(REGISTRY_PERMISSIONS.length)
    .optional()
    .describe(
      "What the credentials allow; required for the managed registry, ignored where credentials are configured",
    ),
  expiration_minutes: z
    .int()
    .min(1)
    .max(MAX_EXPIRATION_MINUTES)
    .optional()
    .describe("Minutes until they expire; required for the managed registry, ignored where credentials are configured"),
  repositories: z
    .array(
      z
        .string()
        .max(MAX_REPOSITORY_LENGTH)
        .refine(isPattern, "must be a repository such as team/web, or team/* for all below team"),
    )
    .min(1)
    .max(MAX_REPOSITORIES)
    .optional()
    .describe(
      "Of the managed registry only: the repositories that they are for, `team/web` or `team/*`; default: all of the account",
    ),
});
