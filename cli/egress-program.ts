/** The commands of `gantry egress` and their flags. */
import type { Command } from "commander";
import type { ExitCode } from "./commands/apply.ts";
import {
  egressAdd,
  egressGet,
  egressLog,
  egressReset,
  egressSet,
  type DenialFlags,
  type EgressFlags,
  type SetFlags,
} from "./commands/egress.ts";
import type { Io } from "./io.ts";

type Connected = (parent: Command, name: string, text: string) => Command;

export function addEgress(program: Command, connected: Connected, io: Io, ended: (code: ExitCode) => void): void {
  const egress = program.command("egress").description("What containers may reach, and what they were denied");
  const of = (name: string, text: string) => connected(egress, name, text).argument("<application>", "its name or id");
  of("get", "Print a policy as `set` takes it, and what has gone through")
    .option("--instance <id>", "what holds for one instance, by its id or name")
    .action(async (name: string, flags: EgressFlags) => ended(await egressGet(io, name, flags)));
  of("set", "Replace an application's policy; it holds from the next request on")
    .requiredOption("-f, --file <path>", "the policy: YAML or JSON; - is standard input")
    .action(async (name: string, flags: SetFlags) => ended(await egressSet(io, name, flags)));
  for (const [list, text] of [
    ["allow", "Allow hosts as well"],
    ["deny", "Deny hosts, whatever else says so"],
  ] as const) {
    of(list, `${text}: api.example.com, *.example.com, 10.0.0.0/8`)
      .argument("<host...>", "hosts, addresses or ranges")
      .option("--instance <id>", "for one instance until it is reset, by its id or name; default: in the policy")
      .action(async (name: string, hosts: string[], flags: EgressFlags) => {
        ended(await egressAdd(io, list, name, hosts, flags));
      });
  }
  of("reset", "Take back what was changed for one instance")
    .option("--instance <id>", "by its id or name")
    .action(async (name: string, flags: EgressFlags) => ended(await egressReset(io, name, flags)));
  of("log", "List what was denied, the latest first")
    .option("--host <host>", "only this host")
    .option("--instance <id>", "only of one instance, by its id or name")
    .action(async (name: string, flags: DenialFlags) => ended(await egressLog(io, name, flags)));
}
