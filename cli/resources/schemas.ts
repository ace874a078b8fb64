/** What each kind takes: the control API's own schemas, without the name, which stands beside the specification. */
import * as z from "zod";
import { applicationName } from "../../src/api/schemas/application-name.ts";
import { createApplicationSchema } from "../../src/api/schemas/application.ts";
import { createDeploymentSchema, deploymentName } from "../../src/api/schemas/deployment.ts";
import { patchMeSchema } from "../../src/api/schemas/me.ts";
import { createRegistrySchema, protocolSchema, registryDomain } from "../../src/api/schemas/registry.ts";
import { refuseContradictions, rolloutFields } from "../../src/api/schemas/rollout.ts";
import { jobName, jobTemplate, refineJob } from "../../src/api/schemas/job.ts";
import { putScheduleSchema, scheduleName } from "../../src/api/schemas/schedule.ts";
import { secretName } from "../../src/api/schemas/secret.ts";
import { createSshKeyFields, sshKeyName } from "../../src/api/schemas/ssh-key.ts";
import type { Kind } from "./kinds.ts";

/** How often a value can be written by one apply. */
const MAX_VERSION = 1_000;

const LITERAL = 'must not stand in a manifest: give { env: "NAME" }, { stdin: true } or { store: true }';

/** Of the union's answers only one is of use, and none may tell what was written. */
const secretSource = z.custom<object>((value) => {
  if (typeof value !== "object" || value === null) return false;
  const [key, ...others] = Object.keys(value);
  if (key === undefined || others.length > 0) return false;
  const given = (value as Record<string, unknown>)[key];
  if (key === "env") return typeof given === "string" && /^[A-Za-z_][A-Za-z0-9_]*$/.test(given);
  return (key === "stdin" || key === "store") && given === true;
}, LITERAL);

const secret = z.strictObject({
  value: secretSource,
  version: z.int().min(1).max(MAX_VERSION).optional(),
});

/** As `POST …/rollouts` takes it; the configuration is that of the application in the manifest. */
export const rolloutSpec = z
  .strictObject({
    application: z.string().min(1).max(100),
    description: z.string().max(1_000).optional(),
    ...rolloutFields,
    strategy: rolloutFields.strategy.default("rolling"),
    target_version: z.int().min(1).optional(),
  })
  .superRefine((spec, context) => {
    refuseContradictions(spec, (path, message) => context.addIssue({ code: "custom", path, message }));
  });

const ofApplication = { application: applicationName };

const scheduleSpec = z.strictObject({ ...ofApplication, ...putScheduleSchema.shape });

const jobSpec = z
  .strictObject({
    ...ofApplication,
    ...jobTemplate,
    suspend: z.boolean().default(false),
    secrets: z
      .undefined("are values, which never stand in a manifest: let configuration.secrets of its application name them")
      .optional(),
  })
  .superRefine(refineJob);

/** The account's one store, where none is named. */
export const ANY_STORE = "default";

const { domain: _domain, auth, ...registryFields } = createRegistrySchema.shape;
const registry = z.strictObject({ ...registryFields, auth });

const { proto: _proto, ...protocolFields } = protocolSchema.shape;
const { name: _name, ...sshKeyFields } = createSshKeyFields;

/** For the names of fields, where one is not known. */
export const SHAPES: Readonly<Record<Kind, z.ZodType>> = {
  application: createApplicationSchema,
  deployment: createDeploymentSchema,
  rollout: rolloutSpec,
  secret,
  "ssh-key": z.strictObject(sshKeyFields),
  registry,
  protocol: z.strictObject(protocolFields),
  account: patchMeSchema,
  schedule: scheduleSpec,
  job: jobSpec,
};

export const NAMES: Readonly<Record<Kind, z.ZodType<string>>> = {
  application: applicationName,
  deployment: deploymentName,
  rollout: z.string().min(1).max(100),
  secret: secretName,
  "ssh-key": sshKeyName,
  registry: registryDomain,
  protocol: protocolSchema.shape.proto,
  account: z.literal("account", "must be account: there is only one"),
  schedule: scheduleName,
  job: jobName,
};

/** The body that a specification is, for the schema that knows the rules between fields. */
export function bodyOf(kind: Kind, name: string, spec: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (kind === "application") return { name, ...withInstances(spec) };
  if (kind === "registry") return { domain: name, ...withStore(spec) };
  return kind === "deployment" ? { name, ...spec } : { ...spec };
}

export function schemaOf(kind: Kind): z.ZodType {
  return kind === "registry" ? createRegistrySchema : SHAPES[kind];
}

/** What follows the load has a count of its own, and begins with the least. */
function withInstances(spec: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { instances, autoscaling } = spec;
  const least = (autoscaling as { min?: unknown } | undefined)?.min;
  return instances === undefined && typeof least === "number" ? { ...spec, instances: least } : { ...spec };
}

function withStore(spec: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = spec["auth"] as { private_credential?: object } | undefined;
  if (typeof given?.private_credential !== "object") return { ...spec };
  return { ...spec, auth: { ...given, private_credential: { store_id: ANY_STORE, ...given.private_credential } } };
}
