/**
 * `configuration` of an application: what a container is started with. Field names are Cloudflare's
 * (`UserDeploymentConfiguration`). A field that is not here is refused with its path: nothing is stored and ignored.
 */
import * as z from "zod";
import { check, CHECK_LIMITS, lifecycleFields } from "./check.ts";
import { namedPort, network, refineNetwork, requiredPort } from "./network.ts";
import { SECRET_LIMITS, secretReference } from "./secret.ts";
import { inlineSshKey, SSH_LIMITS } from "./ssh-key.ts";

export const LIMITS = {
  nameLength: 63,
  environmentVariables: 128,
  environmentValueLength: 32_768,
  /** The platform takes ten, and five are Gantry's own. */
  labels: 5,
  labelNameBytes: 16,
  labelValueBytes: 64,
  arguments: 256,
  argumentLength: 32_768,
  ports: 16,
} as const;

const TEXT = z.string().max(LIMITS.argumentLength);

const variable = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, "must be a variable name: letters, digits and _")
    .refine((name) => !name.startsWith("GANTRY_"), "must not start with GANTRY_, which Gantry sets itself")
    .describe("The variable's name in the container"),
  value: z
    .string()
    .max(LIMITS.environmentValueLength)
    .refine(hasNoNul, "must not contain a NUL character")
    .describe("Its value, as it is; anybody who may read the application sees it"),
});

const label = z.strictObject({
  name: boundedBytes(1, LIMITS.labelNameBytes)
    .refine((name) => !name.startsWith("gantry."), "must not start with gantry., which Gantry sets itself")
    .describe("The label's name, of at most 16 bytes"),
  value: boundedBytes(0, LIMITS.labelValueBytes).describe("Its value, of at most 64 bytes"),
});

export const logsSwitch = z
  .strictObject({
    enabled: z.boolean().describe("Whether each event is also written to the Worker's log, as one line of JSON"),
  })
  .describe("The log of the Worker that runs the control plane");

export const INSTANCE_TYPES = {
  lite: { vcpu: 0.0625, memory_mib: 256, disk_mb: 2_000 },
  basic: { vcpu: 0.25, memory_mib: 1_024, disk_mb: 4_000 },
  "standard-1": { vcpu: 0.5, memory_mib: 4_096, disk_mb: 8_000 },
  "standard-2": { vcpu: 1, memory_mib: 6_144, disk_mb: 12_000 },
  "standard-3": { vcpu: 2, memory_mib: 8_192, disk_mb: 16_000 },
  "standard-4": { vcpu: 4, memory_mib: 12_288, disk_mb: 20_000 },
} as const;

export type InstanceType = keyof typeof INSTANCE_TYPES;

/** `dev` and `standard` are Cloudflare's deprecated aliases. */
const instanceType = z
  .enum(["lite", "basic", "standard-1", "standard-2", "standard-3", "standard-4", "dev", "standard"])
  .transform((type): InstanceType => (type === "dev" ? "lite" : type === "standard" ? "standard-1" : type));

export const configurationSchema = z
  .strictObject({
    image: z
      .string()
      .min(1)
      .max(512)
      .describe("What the container runs: one of the images that the control plane was deployed with"),
    instance_type: instanceType
      .optional()
      .describe("The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size"),
    vcpu: z
      .number()
      .min(0.0625)
      .max(4)
      .optional()
      .describe("Processors of the container; default: the account's, see `/me`"),
    memory_mib: z.int().min(128).max(12_288).optional().describe("Memory in MiB; default: the account's, see `/me`"),
    disk: z
      .strictObject({
        size_mb: z.int().min(500).max(20_000).describe("Its size in MB; default: the account's, see `/me`"),
      })
      .optional()
      .describe("The container's disk"),
    environment_variables: z
      .array(variable)
      .max(LIMITS.environmentVariables)
      .optional()
      .describe("Variables that the container starts with; default: Gantry's own only"),
    secrets: z
      .array(secretReference)
      .max(SECRET_LIMITS.perConfiguration)
      .optional()
      .describe("Secrets of the account that the container gets as environment variables; default: none"),
    ssh_public_key_ids: z
      .array(z.uuid())
      .max(SSH_LIMITS.keys)
      .optional()
      .describe("Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none"),
    authorized_keys: z
      .array(inlineSshKey)
      .max(SSH_LIMITS.keys)
      .optional()
      .describe("Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them"),
    trusted_user_ca_keys: z
      .array(inlineSshKey)
      .max(SSH_LIMITS.keys)
      .optional()
      .describe("Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts"),
    wrangler_ssh: z
      .strictObject({
        enabled: z.boolean().describe("Whether `wrangler containers ssh` is let through to the container"),
        port: z
          .int()
          .min(1)
          .max(65_535)
          .optional()
          .describe("Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22"),
      })
      .optional()
      .describe("Access by `wrangler containers ssh`, of containers that are started from then on; default: none"),
    observability: z
      .strictObject({ logs: logsSwitch })
      .optional()
      .describe("Like the application's own `observability`, as of a version; give one of the two. Default: off"),
    labels: z
      .array(label)
      .max(LIMITS.labels)
      .optional()
      .describe("Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only"),
    entrypoint: z
      .array(TEXT)
      .min(1)
      .max(LIMITS.arguments)
      .optional()
      .describe("Replaces the image's entrypoint and its default arguments"),
    command: z.array(TEXT).max(LIMITS.arguments).optional().describe("Arguments of `entrypoint`, which it needs"),
    ports: z
      .array(namedPort)
      .min(1)
      .max(LIMITS.ports)
      .optional()
      .describe("Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed"),
    required_ports: z
      .array(requiredPort)
      .min(1)
      .max(LIMITS.ports)
      .optional()
      .describe(
        "Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from " +
          "then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none",
      ),
    network: network.optional().describe("Whether each instance has addresses of its own; default: it has none"),
    checks: z
      .array(check)
      .max(CHECK_LIMITS.checks)
      .optional()
      .describe("What a container is asked while it lives; default: the first port must accept connections"),
    bridge_token: z
      .boolean()
      .optional()
      .describe(
        "Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own " +
          "network; it ends with the container. Default: false, since inside no token is needed",
      ),
    ...lifecycleFields,
  })
  .superRefine((value, context) => {
    refuseOtherSize(value, context);
    if (value.command !== undefined && value.entrypoint === undefined) {
      const message = "needs entrypoint: the platform starts either the image's own command or a whole new one";
      context.addIssue({ code: "custom", path: ["command"], message });
    }
    refuseDuplicates(value.environment_variables, "environment_variables", context);
    refuseDuplicates(value.secrets, "secrets", context);
    refuseBothValues(value, context);
    refuseDuplicates(value.labels, "labels", context);
    refuseDuplicates(value.ports, "ports", context);
    refuseDuplicates(value.checks, "checks", context);
    refineNetwork(value, context);
    const names = new Set(value.ports?.map((port) => port.name));
    value.checks?.forEach((item, index) => {
      if (names.has(item.port)) return;
      const known = names.size === 0 ? "none is declared" : `declared: ${[...names].join(", ")}`;
      context.addIssue({
        code: "custom",
        path: ["checks", index, "port"],
        message: `must name one of configuration.ports; ${known}`,
      });
    });
  });

export type Configuration = z.output<typeof configurationSchema>;

/** A type is a size. Both may be given where they agree, so that what was read can be written back. */
function refuseOtherSize(
  value: {
    instance_type?: InstanceType | undefined;
    vcpu?: number | undefined;
    memory_mib?: number | undefined;
    disk?: { size_mb: number } | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  if (value.instance_type === undefined) return;
  const type = INSTANCE_TYPES[value.instance_type];
  const given = { vcpu: value.vcpu, memory_mib: value.memory_mib, disk_mb: value.disk?.size_mb };
  const other = Object.entries(given).some(([name, size]) => {
    return size !== undefined && size !== type[name as keyof typeof type];
  });
  if (!other) return;
  const message = `is ${type.vcpu} vCPU, ${type.memory_mib} MiB, ${type.disk_mb} MB: give either a type or another size`;
  context.addIssue({ code: "custom", path: ["instance_type"], message });
}

/** One variable cannot hold two values. */
function refuseBothValues(
  value: {
    environment_variables?: readonly { readonly name: string }[] | undefined;
    secrets?: readonly { readonly name: string }[] | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const variables = new Set(value.environment_variables?.map(({ name }) => name));
  value.secrets?.forEach(({ name }, index) => {
    if (!variables.has(name)) return;
    const message = `is in environment_variables too: ${name}`;
    context.addIssue({ code: "custom", path: ["secrets", index, "name"], message });
  });
}

function boundedBytes(min: number, max: number) {
  return z
    .string()
    .refine((text) => {
      const { length } = new TextEncoder().encode(text);
      return length >= min && length <= max;
    }, `must be ${min} to ${max} bytes`)
    .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");
}

function hasNoNul(value: string): boolean {
  return !value.includes("\0");
}

function refuseDuplicates(
  items: readonly { readonly name?: string | undefined }[] | undefined,
  field: string,
  context: z.core.$RefinementCtx,
): void {
  const seen = new Set<string>();
  items?.forEach(({ name }, index) => {
    if (name === undefined) return;
    if (seen.has(name)) {
      context.addIssue({ code: "custom", path: [field, index, "name"], message: `is there twice: ${name}` });
    }
    seen.add(name);
  });
}
