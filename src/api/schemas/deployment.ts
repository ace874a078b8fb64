/** Bodies of deployment writes. A standalone deployment is one instance with a configuration and a location of its own. */
import * as z from "zod";
import { LOCATION_CODES } from "../../account/locations.ts";
import { unsupported } from "./constraints.ts";
import { configurationSchema, type Configuration } from "./configuration.ts";

const location = z
  .string()
  .max(64)
  .describe(
    `Where it is asked to run, told to the container as GANTRY_LOCATION and held against the location's limits: ${LOCATION_CODES.join(", ")}`,
  );

const NOT_LATER = "cannot be changed: recreate the deployment";

/** The page's rule: what a deployment has from its creation on. */
const FIXED: readonly (keyof Configuration)[] = [
  "network",
  "ports",
  "authorized_keys",
  "trusted_user_ca_keys",
  "wrangler_ssh",
];

/** It stands behind `deployment-` in a label of a host name. */
export const deploymentName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9_-]{0,50}[a-z0-9])?$/,
    "must be 1 to 52 lower-case letters, digits, - or _, starting and ending with a letter or digit",
  )
  .refine((name) => !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name), "must not be an id");

const others = {
  dns: unsupported("is not supported: a container has the platform's resolver"),
  provisioner: unsupported("is not supported: images are started as they are"),
  sleep_after: unsupported("has no effect: only named instances of an application sleep"),
};

export const createDeploymentSchema = z
  .strictObject({
    ...configurationSchema.shape,
    name: deploymentName
      .optional()
      .describe("Unique among the account's standalone deployments, never changes; default: it has only its id"),
    location,
    ...others,
  })
  .superRefine(refineConfiguration);

export const patchDeploymentSchema = z
  .strictObject({
    ...configurationSchema.shape,
    location,
    name: unsupported("cannot be changed: delete the deployment and create it again"),
    ...others,
  })
  .partial()
  .superRefine((value, context) => {
    for (const field of FIXED) {
      if (value[field] !== undefined) context.addIssue({ code: "custom", path: [field], message: NOT_LATER });
    }
  });

/** Of a deployment that belongs to an application, whose configuration is the application's. */
export const recreateSchema = z.strictObject(configurationSchema.shape).partial();

export type CreateDeployment = z.output<typeof createDeploymentSchema>;
export type PatchDeployment = z.output<typeof patchDeploymentSchema>;

/** The rules between fields are the configuration's own. */
function refineConfiguration(value: { [key: string]: unknown }, context: z.core.$RefinementCtx): void {
  const {
    name: _name,
    location: _,
    dns: _dns,
    provisioner: _provisioner,
    sleep_after: _sleep,
    ...configuration
  } = value;
  for (const issue of configurationSchema.safeParse(configuration).error?.issues ?? []) {
    if (issue.code === "custom") context.addIssue({ code: "custom", path: [...issue.path], message: issue.message });
  }
}
