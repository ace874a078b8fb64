/** What a bound Worker may ask to be run inside a container. It comes over RPC, so that nothing has looked at it yet. */
import * as z from "zod";
import { GantryError } from "../errors.ts";
import { MAX_OUTPUT_BYTES, type ExecRequest } from "./exec.ts";

const schema = z.strictObject({
  command: z.string().trim().min(1).max(4_096),
  args: z.array(z.string().max(131_072)).max(1_024).optional(),
  cwd: z.string().max(4_096).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_]\w{0,255}$/), z.string().max(131_072)).optional(),
  timeoutMs: z.int().min(1).max(86_400_000).optional(),
  maxOutputBytes: z.int().min(1).max(MAX_OUTPUT_BYTES).optional(),
});

/** Throws `VALIDATE_INPUT`, with each field that is wrong. */
export function execRequest(input: unknown): ExecRequest {
  const parsed = schema.safeParse(input);
  if (parsed.success) return defined(parsed.data);
  const details = Object.fromEntries(
    parsed.error.issues.map(({ path, message }) => [path.join(".") || "request", message]),
  );
  throw new GantryError("VALIDATE_INPUT", `exec: ${Object.entries(details)[0]?.join(" ") ?? "is no request"}`, details);
}

function defined({ command, args, cwd, env, timeoutMs, maxOutputBytes }: z.output<typeof schema>): ExecRequest {
  return {
    command,
    ...(args === undefined ? {} : { args }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
  };
}
