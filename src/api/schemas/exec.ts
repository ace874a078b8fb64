/** Bodies of commands that are run inside an instance, each signed by a user. */
import * as z from "zod";
import { MAX_OUTPUT_BYTES, DEFAULT_OUTPUT_BYTES, type ExecRequest } from "../../containers/exec.ts";

const EXEC_LIMITS = { timeoutMs: 600_000, arguments: 1_024, argumentLength: 65_536 } as const;
const DEFAULT_TIMEOUT_MS = 60_000;

const withoutNul = (text: string) => !text.includes("\0");
const NUL = "must not contain a NUL character";

const commandFields = {
  command: z
    .string()
    .trim()
    .min(1)
    .max(4_096)
    .refine(withoutNul, NUL)
    .describe("The program; a shell's syntax needs a shell: `sh` with `-c`"),
  args: z
    .array(z.string().max(EXEC_LIMITS.argumentLength).refine(withoutNul, NUL))
    .max(EXEC_LIMITS.arguments)
    .default([])
    .describe("Its arguments; default: none"),
  cwd: z
    .string()
    .min(1)
    .max(4_096)
    .refine(withoutNul, NUL)
    .optional()
    .describe("Where it runs; default: the image's own"),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_]\w{0,255}$/),
      z.string().max(EXEC_LIMITS.argumentLength).refine(withoutNul, NUL),
    )
    .default({})
    .describe("Variables beside those of the container; default: none"),
  timeout_ms: z
    .int()
    .min(1)
    .max(EXEC_LIMITS.timeoutMs)
    .default(DEFAULT_TIMEOUT_MS)
    .describe("It is killed after so many milliseconds; default: one minute"),
  max_output_bytes: z
    .int()
    .min(1)
    .max(MAX_OUTPUT_BYTES)
    .default(DEFAULT_OUTPUT_BYTES)
    .describe("It is killed when it prints more bytes, both streams together; default: 1000000"),
};

export const execChallengeSchema = z.strictObject(commandFields);

export const execSchema = z.strictObject({
  ...commandFields,
  challenge: z.string().min(1).max(2_048).describe("As `…/exec/challenges` has given it for this very command"),
  signature: z
    .string()
    .min(1)
    .max(4_096)
    .describe(
      "What `ssh-keygen -Y sign -n gantry-exec` makes of the challenge, by an ed25519 key of the account's `ssh-public-keys`",
    ),
});

export type ExecCommand = z.output<typeof execChallengeSchema>;

export function toExecRequest(body: ExecCommand): ExecRequest {
  const { command, args, cwd, env, timeout_ms: timeoutMs, max_output_bytes: maxOutputBytes } = body;
  return { command, args, ...(cwd === undefined ? {} : { cwd }), env, timeoutMs, maxOutputBytes };
}
