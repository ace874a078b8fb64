/** `gantry secrets …`: names of secrets, and new values, which come from a variable or standard input and are shown to nobody. */
import { isCode, type Api } from "../api.ts";
import type { ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { table } from "../table.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";

export interface SecretFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
}

export interface SetSecretFlags extends SecretFlags {
  readonly env?: string | undefined;
}

const HEAD = ["SECRET", "VERSION", "CHANGED"];

export async function secretsList(io: Io, flags: SecretFlags): Promise<ExitCode> {
  const secrets = await (await openApi(io, flags)).list("GET /secrets");
  if (flags.json === true) for (const secret of secrets) io.out(`${JSON.stringify(secret)}\n`);
  else if (secrets.length === 0) io.out("there are no secrets yet\n");
  else {
    const rows = secrets.map(({ name, version, updated_at: changed }) => [name, String(version), changed]);
    io.out(table([HEAD, ...rows]));
  }
  return EXIT.done;
}

/** Makes it, or gives it another value. */
export async function secretsSet(io: Io, name: string, flags: SetSecretFlags): Promise<ExitCode> {
  const value = await valueFor(io, flags);
  const result = await put(await openApi(io, flags), name, value);
  io.out(flags.json === true ? `${JSON.stringify(result)}\n` : `secret ${name} is version ${result.version}\n`);
  return EXIT.done;
}

export async function secretsDelete(io: Io, name: string, flags: SecretFlags): Promise<ExitCode> {
  const api = await openApi(io, flags);
  const { result } = await api.send("DELETE /secrets/{name}", {
    params: { name },
    idempotencyKey: crypto.randomUUID(),
  });
  io.out(flags.json === true ? `${JSON.stringify(result)}\n` : `${result.message}\n`);
  return EXIT.done;
}

/** An argument would be in the history of the shell, and in the list of processes. */
async function valueFor(io: Io, { env }: SetSecretFlags): Promise<string> {
  // A line that was typed or echoed ends with a line break that is no part of it.
  const value = env === undefined ? (await io.stdin()).replace(/\r?\n$/, "") : (io.env[env] ?? "");
  if (value !== "") return value;
  const [field, text] =
    env === undefined
      ? ["standard input", "has no value: pipe it in, or name a variable with --env"]
      : [`--env ${env}`, "is not set, or empty"];
  throw new ProblemsError([problem(text, { field })]);
}

async function put(api: Api, name: string, value: string) {
  const change = async () =>
    (
      await api.send("PATCH /secrets/{name}", {
        params: { name },
        body: { value },
        idempotencyKey: crypto.randomUUID(),
      })
    ).result;
  try {
    return await change();
  } catch (error) {
    if (!isCode(error, "SECRET_NAME_NOT_FOUND")) throw error;
  }
  try {
    return (await api.send("POST /secrets", { body: { name, value }, idempotencyKey: crypto.randomUUID() })).result;
  } catch (error) {
    // Somebody else was quicker.
    if (!isCode(error, "SECRET_NAME_ALREADY_EXISTS")) throw error;
    return await change();
  }
}
