/** Secrets in bodies. */
import * as z from "zod";

export const SECRET_LIMITS = {
  nameLength: 128,
  valueBytes: 65_536,
  perConfiguration: 64,
  commentLength: 1_024,
} as const;

/** Paths of the API that stand where a name would. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(["reseal"]);

export const secretName = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
    "must be 1 to 128 letters, digits, _, - or ., not beginning with - or .",
  )
  .refine((name) => !RESERVED_NAMES.has(name), "is a name that the API itself uses: take another");

export const secretValue = z
  .string()
  .refine((value) => {
    const { length } = new TextEncoder().encode(value);
    return length >= 1 && length <= SECRET_LIMITS.valueBytes;
  }, `must be 1 to ${SECRET_LIMITS.valueBytes} bytes`)
  .refine((value) => !value.includes("\0"), "must not contain a NUL character, which no environment variable can hold")
  .refine((value) => !/\p{Surrogate}/u.test(value), "must be well-formed text: it has half of a surrogate pair");

export const createSecretSchema = z.strictObject({
  name: secretName.describe("Name of the secret, unique in the account; what configurations refer to"),
  value: secretValue.describe("The value, 1 to 65,536 bytes; sealed at once and never shown again"),
});

export const changeSecretSchema = z.strictObject({
  value: secretValue.describe(
    "The new value; the version grows by one, also when the value is the same; containers get it at their next placement",
  ),
});

/** `configuration.secrets[]` */
export const secretReference = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, "must be a variable name: letters, digits and _")
    .refine((name) => !name.startsWith("GANTRY_"), "must not start with GANTRY_, which Gantry sets itself")
    .describe("Environment variable that holds the value inside the container"),
  type: z.literal("env", 'must be "env"').describe("How the container gets it; only `env` exists"),
  secret: secretName.describe("Name of the account's secret; its value is looked up at each placement"),
});
