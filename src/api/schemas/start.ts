/** What `start` may put in place of the configuration of an instance that is called by name. */
import * as z from "zod";
import type { StartChoice } from "../../orchestrator/start/choice.ts";
import { invalid, validate } from "../body.ts";
import { configurationSchema } from "./configuration.ts";

/** Names and values of an environment together, in bytes: it is kept sealed for every instance that was given one. */
export const MAX_ENVIRONMENT_BYTES = 131_072;

const { environment_variables: variables, image, instance_type: instanceType } = configurationSchema.shape;

export const snapshotName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, "must be 1 to 64 letters, digits, _, - or ., not beginning with - or .");

export const startSchema = z
  .strictObject({
    environment_variables: variables.describe(
      "All of the environment, in place of the configuration's variables and secrets, until the instance is destroyed; " +
        "kept sealed and never shown. Default: the configuration's",
    ),
    image: image
      .optional()
      .describe(
        "The image, in place of the configuration's, until the instance is destroyed. Default: the configuration's",
      ),
    instance_type: instanceType
      .optional()
      .describe(
        "The size, in place of the configuration's, until the instance is destroyed. Default: the configuration's",
      ),
    snapshot: snapshotName
      .optional()
      .describe(
        "A snapshot of this instance by name, from which every start begins until it is destroyed. Default: none",
      ),
  })
  .superRefine(({ environment_variables: given = [], image: other, snapshot }, context) => {
    const names = given.map(({ name }) => name);
    names.forEach((name, index) => {
      if (names.indexOf(name) === index) return;
      context.addIssue({ code: "custom", path: ["environment_variables", index, "name"], message: "is there twice" });
    });
    const encoder = new TextEncoder();
    const bytes = given.reduce((sum, { name, value }) => sum + encoder.encode(`${name}=${value}`).length, 0);
    if (bytes > MAX_ENVIRONMENT_BYTES) {
      const message = `must be at most ${MAX_ENVIRONMENT_BYTES} bytes, names and values together; it is ${bytes}`;
      context.addIssue({ code: "custom", path: ["environment_variables"], message });
    }
    if (other !== undefined && snapshot !== undefined) {
      context.addIssue({ code: "custom", path: ["snapshot"], message: "is in place of an image: give one of the two" });
    }
  });

export function choiceOf(body: z.output<typeof startSchema>): StartChoice {
  const { environment_variables: given, image: chosen, instance_type: type, snapshot } = body;
  return {
    ...(given === undefined ? {} : { env: Object.fromEntries(given.map(({ name, value }) => [name, value])) }),
    ...(chosen === undefined ? {} : { image: chosen }),
    ...(type === undefined ? {} : { instanceType: type }),
    ...(snapshot === undefined ? {} : { snapshot }),
  };
}

/** `{env, image, instanceType, snapshot}` of a bound Worker, which nothing has looked at. Throws with its own names. */
export function startOptions(input: unknown): StartChoice {
  if (typeof input !== "object" || input === null) throw invalid({ options: "must be an object" });
  const { env, instanceType: type, ...rest } = input as Record<string, unknown>;
  if (env !== undefined && (typeof env !== "object" || env === null || Array.isArray(env))) {
    throw invalid({ env: "must be an object of texts by their names" });
  }
  const entries = Object.entries(env ?? {});
  const body = Object.fromEntries(
    Object.entries({
      ...rest,
      environment_variables: env === undefined ? undefined : entries.map(([name, value]) => ({ name, value })),
      instance_type: type,
    }).filter(([, value]) => value !== undefined),
  );
  for (const field of ["environment_variables", "instance_type"]) {
    if (rest[field] !== undefined) throw invalid({ [field]: "is not a known field" });
  }
  try {
    return choiceOf(validate(startSchema, body));
  } catch (error) {
    throw renamed(
      error,
      entries.map(([name]) => name),
    );
  }
}

function renamed(error: unknown, names: readonly string[]): unknown {
  if (!(error instanceof Error) || !("details" in error)) return error;
  const details = Object.entries(error.details as Record<string, string>).map(([field, reason]) => {
    const [, index] = /^environment_variables\[(\d+)\]/.exec(field) ?? [];
    if (index !== undefined) return [`env.${(names[Number(index)] ?? "").slice(0, 100)}`, reason];
    if (field === "environment_variables") return ["env", reason];
    return [field === "instance_type" ? "instanceType" : field, reason];
  });
  return invalid(Object.fromEntries(details));
}

/** The signals that have names in every system; of the others a number is said. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
};
const SIGTERM = 15;

const SIGNAL_RULE = `must be a number from 1 to 64, or one of ${Object.keys(SIGNALS).join(", ")}`;

const stopSchema = z.strictObject({
  signal: z.custom<string | number>((signal) => signalNumber(signal) !== undefined, SIGNAL_RULE).optional(),
});

function signalNumber(signal: unknown): number | undefined {
  if (typeof signal === "number") return Number.isInteger(signal) && signal >= 1 && signal <= 64 ? signal : undefined;
  return typeof signal === "string" && Object.hasOwn(SIGNALS, signal) ? SIGNALS[signal] : undefined;
}

/** What a stop begins with; undefined for SIGTERM, with which every stop begins that says nothing else. */
export function stopSignal(options: unknown): number | undefined {
  const signal = signalNumber(validate(stopSchema, withoutAbsent(options)).signal);
  return signal === SIGTERM ? undefined : signal;
}

const snapshotSchema = z.strictObject({ name: snapshotName.optional() });

/** The name of a snapshot: `latest` when none is said. */
export function snapshotOptions(options: unknown): string {
  return validate(snapshotSchema, withoutAbsent(options)).name ?? "latest";
}

function withoutAbsent(options: unknown): unknown {
  if (typeof options !== "object" || options === null) return options;
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
