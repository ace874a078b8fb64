/** `gantry exec`: a command in an instance, signed with the user's SSH key, which does not leave his machine. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { commandDigest, EXEC_NAMESPACE, isChallengeFor } from "../../src/exec-challenge.ts";
import type { Client } from "../../src/sdk/client/index.ts";
import { connect, type ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { signWithKey } from "../ssh-sign.ts";

export interface ExecFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
  readonly instance?: string | undefined;
  readonly key?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: readonly string[] | undefined;
  readonly timeout?: string | undefined;
}

export type Sign = (keyFile: string, namespace: string, message: string) => Promise<string>;

const DEFAULT_TIMEOUT_S = 60;
const MAX_OUTPUT_BYTES = 16_000_000;

export async function exec(io: Io, application: string, command: readonly string[], flags: ExecFlags): Promise<number> {
  return await runSigned(io, await connect(io, flags), application, command, flags);
}

/** The exit code is the command's. */
export async function runSigned(
  io: Io,
  client: Client,
  application: string,
  [program = "", ...args]: readonly string[],
  flags: ExecFlags,
  sign: Sign = signWithKey,
): Promise<number> {
  const { id, deployment_id: deployment } = await chosen(client, application, flags.instance);
  const params = { id: application, instance_id: id };
  const asked = {
    command: program,
    args: [...args],
    ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
    env: variablesIn(flags.env ?? []),
    timeout_ms: timeoutIn(flags.timeout),
    max_output_bytes: MAX_OUTPUT_BYTES,
  };
  const given = await client.request("POST /applications/{id}/instances/{instance_id}/exec/challenges", {
    params,
    body: asked,
  });
  const { challenge } = given.result;
  // Whoever answers cannot have another command signed, nor this one for another instance.
  if (!isChallengeFor(challenge, deployment, await commandDigest(asked))) {
    throw new Error("the control plane asks to sign something else than this command in this instance");
  }
  const signature = await sign(keyFile(io, flags.key), EXEC_NAMESPACE, challenge);
  const { result } = await client.request("POST /applications/{id}/instances/{instance_id}/exec", {
    params,
    body: { ...asked, challenge, signature },
  });
  if (flags.json === true) io.out(`${JSON.stringify(result)}\n`);
  else {
    io.out(result.stdout);
    io.err(result.stderr);
  }
  return result.exit_code;
}

/** The one that is named, or the only one that runs. */
async function chosen(client: Client, application: string, wanted: string | undefined) {
  if (wanted !== undefined) {
    const params = { id: application, instance_id: wanted };
    return (await client.request("GET /applications/{id}/instances/{instance_id}", { params })).result;
  }
  const query = { state: "active" } as const;
  const { result } = await client.request("GET /applications/{id}/instances-v2", {
    params: { id: application },
    query,
  });
  const [only, ...others] = result;
  if (only !== undefined && others.length === 0) return only;
  const names = result.map(({ name }) => name).join(", ");
  const why =
    only === undefined ? "no instance of it runs" : `several instances run: name one with --instance (${names})`;
  throw new ProblemsError([problem(`${application}: ${why}`)]);
}

function keyFile({ cwd, env }: Io, given: string | undefined): string {
  const home = env["HOME"] ?? homedir();
  if (given === undefined) return join(home, ".ssh/id_ed25519");
  return given.startsWith("~/") ? join(home, given.slice(2)) : resolve(cwd, given);
}

function variablesIn(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)] as const;
      throw new ProblemsError([problem(`--env must be NAME=value: ${pair}`)]);
    }),
  );
}

function timeoutIn(text: string | undefined): number {
  const [, number, unit = "s"] = /^(\d+)(s|m)?$/.exec(text ?? `${DEFAULT_TIMEOUT_S}s`) ?? [];
  if (number === undefined)
    throw new ProblemsError([problem(`--timeout must be a number of seconds or minutes: ${text ?? ""}`)]);
  return Number(number) * (unit === "m" ? 60_000 : 1_000);
}
