/** The commands of `gantry secrets` and their flags. */
import type { Command } from "commander";
import type { ExitCode } from "./commands/apply.ts";
import { secretsDelete, secretsList, secretsSet, type SecretFlags, type SetSecretFlags } from "./commands/secrets.ts";
import type { Io } from "./io.ts";

type Connected = (parent: Command, name: string, text: string) => Command;

export function addSecrets(program: Command, connected: Connected, io: Io, ended: (code: ExitCode) => void): void {
  const secrets = program.command("secrets").description("The account's secrets, whose values are never shown");
  connected(secrets, "list", "List them").action(async (flags: SecretFlags) => ended(await secretsList(io, flags)));
  connected(secrets, "set", "Make a secret, or give it another value, which is read from standard input")
    .argument("<name>", "its name")
    .option("--env <NAME>", "take the value of this variable")
    .action(async (name: string, flags: SetSecretFlags) => ended(await secretsSet(io, name, flags)));
  connected(secrets, "delete", "Delete one that nothing uses")
    .argument("<name>", "its name")
    .action(async (name: string, flags: SecretFlags) => ended(await secretsDelete(io, name, flags)));
}
