/** The commands and their flags. */
import { Command, CommanderError } from "commander";
import { describeFailure } from "./api.ts";
import { apply, diff, EXIT, type ApplyFlags } from "./commands/apply.ts";
import { destroy, type DestroyFlags } from "./commands/destroy.ts";
import { exec, type ExecFlags } from "./commands/exec.ts";
import { exportManifest, type ExportFlags } from "./commands/export.ts";
import { logs, type LogFlags } from "./commands/logs.ts";
import { rolloutAction, rolloutUndo, type RolloutFlags, type UndoFlags } from "./commands/rollout.ts";
import { rolloutHistory } from "./commands/rollout-history.ts";
import { rolloutStart, type StartFlags } from "./commands/rollout-start.ts";
import { FOLLOWED_FOR, rolloutStatus, type StatusFlags } from "./commands/rollout-status.ts";
import type { PlanFlags } from "./commands/context.ts";
import { addEgress } from "./egress-program.ts";
import type { Io } from "./io.ts";
import type { RolloutAction } from "../src/orchestrator/rollouts/actions.ts";
import { describeProblem, ProblemsError } from "./problems.ts";
import { addImages } from "./images-program.ts";
import { addSecrets } from "./secrets-program.ts";
import { addTemplates } from "./templates-program.ts";

const ACTION_TEXTS: Readonly<Record<RolloutAction, string>> = {
  next: "One step on, when the current one is done",
  previous: "One step back",
  revert: "Back to its first step",
  pause: "Hold it where it is",
  resume: "Let it go on",
  promote: "To its end, without steps and gates",
  abort: "Back to the version that ran before",
  retry: "Begin again what has failed",
};

function connected(parent: Command, name: string, text: string): Command {
  return parent
    .command(name)
    .description(text)
    .option("--url <url>", "the control plane; default: GANTRY_URL, else http://127.0.0.1:8787")
    .option("--token <token>", "default: GANTRY_TOKEN, else that of npm start on this machine")
    .option("--account-id <id>", "default: GANTRY_ACCOUNT_ID, else the token's account")
    .option("--json", "one line of JSON in place of text");
}

/** Given several times; a list in one place would take the arguments behind it. */
function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** The exit code: 0 done, 1 failed, 2 not done by the deadline. */
export async function run(io: Io, args: readonly string[]): Promise<number> {
  let code: number = EXIT.done;
  const isJson = args.includes("--json");
  const program = new Command("gantry")
    .description("Containers on Cloudflare, from the command line")
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  const command = (name: string, text: string) =>
    connected(program, name, text).option("--owner <name>", "whose the resources are; default: the manifest's");
  const manifest = (name: string, text: string) =>
    command(name, text).option(
      "-f, --file <path...>",
      "TypeScript, YAML or JSON; - is standard input; default: gantry.config.ts, gantry.yaml, …",
    );
  const plan = (name: string, text: string) =>
    manifest(name, text)
      .option("--adopt", "take what exists and is nobody's")
      .option("--prune", "delete what this owner has made and does not declare any more")
      .option("--allow-replace", "delete and make again what cannot be changed")
      .option("--wrangler <path>", "the control plane's configuration, for images that are built", "wrangler.jsonc");
  plan("diff", "Tell what apply would do")
    .option("--exit-code", "end with 1 when there is something to do")
    .action(async (flags: PlanFlags) => void (code = await diff(io, flags)));
  plan("apply", "Bring the control plane to what is declared")
    .option("--no-wait", "do not wait until it runs")
    .option("--timeout <duration>", "how long to wait until it runs", "10m")
    .option("--write", "write the images that are built into wrangler.jsonc")
    .action(async (flags: ApplyFlags) => void (code = await apply(io, flags)));
  manifest("destroy", "Delete everything that the owner has made")
    .option("--yes", "do it; without, it is only told")
    .action(async (flags: DestroyFlags) => void (code = await destroy(io, flags)));
  command("export", "Print what there is as a manifest")
    .option("--format <format>", "yaml, json or ts", "yaml")
    .action(async (flags: ExportFlags) => void (code = await exportManifest(io, flags)));
  connected(program, "logs", "Print what the containers of an application have printed last")
    .argument("<application>", "its name or id")
    .option("-f, --follow", "and what they print from now on")
    .option("--instance <id>", "of one instance, by its id or name")
    .option("--job <name>", "what the attempts of a job have printed")
    .option("--level <level>", "lines of this level and of worse ones: trace, debug, info, warn, error, fatal")
    .option("--status <status>", "lines about this HTTP status: 404, 5xx")
    .option("--stream <name>", "stdout or stderr")
    .option("--since <time>", "a time, or so long ago: 2026-01-31T12:00:00Z, 15m")
    .option("--contains <text>", "lines with this text")
    .option("--limit <number>", "most lines; default: 100")
    .action(async (name: string, flags: LogFlags) => void (code = await logs(io, name, flags)));
  connected(
    program,
    "exec",
    "Run a command in an instance, signed with your SSH key; ends with the command's exit code",
  )
    .argument("<application>", "its name or id")
    .argument("<command...>", "the program and its arguments, behind --")
    .option("--instance <id>", "by its id or name; default: the only one that runs")
    .option("--key <file>", "an ed25519 key of the account's; a .pub file: of the agent (default: ~/.ssh/id_ed25519)")
    .option("--cwd <path>", "where it runs; default: the image's own")
    .option("--env <NAME=value>", "a variable for it; may be repeated", repeated)
    .option("--timeout <duration>", "it is killed after so long: 30s, 5m", "60s")
    .action(
      async (name: string, words: string[], flags: ExecFlags) => void (code = await exec(io, name, words, flags)),
    );
  addEgress(program, connected, io, (ended) => void (code = ended));
  addImages(program, connected, io, (ended) => void (code = ended));
  addSecrets(program, connected, io, (ended) => void (code = ended));
  addTemplates(program, connected, io, (ended) => void (code = ended));
  const rollouts = program
    .command("rollout")
    .description("Begin an application's rollouts, look at them, and act on them");
  const rollout = (name: string, text: string) =>
    connected(rollouts, name, text).argument("<application>", "its name or id");
  const chosen = (name: string, text: string) =>
    rollout(name, text).option("--rollout <id>", "which one; default: the newest");
  rollout("start", "Begin a rollout and follow it as status does")
    .option("--version <number>", "to this stored version, or:")
    .option("--image <image>", "to what runs, with this image")
    .option("--set <NAME=value>", "to what runs, with this environment variable; may be repeated", repeated)
    .option("--description <text>", "shown with it; default: what it changes")
    .option("--strategy <name>", "rolling, new_instances or blue_green", "rolling")
    .option("--kind <name>", "full_auto, or full_manual: somebody says next after each step")
    .option("--steps <shares>", "steps in percent of the instances: 10,50,100")
    .option("--step-percentage <number>", "size of each step in percent, in place of --steps")
    .option("--percentage <number>", "of new_instances: the share at which it waits")
    .option("--max-surge <amount>", "instances above what is wanted: 2 or 25%")
    .option("--max-unavailable <amount>", "instances below what is wanted: 1 or 10%")
    .option("--min-healthy-time <duration>", "ready for so long is healthy")
    .option("--progress-deadline <duration>", "nothing became healthy for so long: it has failed; or never")
    .option("--scale-down-delay <duration>", "how long old instances stay, out of traffic")
    .option("--no-wait", "do not follow it")
    .option("--timeout <duration>", "how long to follow it", FOLLOWED_FOR)
    .action(async (name: string, flags: StartFlags) => void (code = await rolloutStart(io, name, flags)));
  chosen("status", "Follow a rollout: 0 completed, or somebody has to go on; 1 failed or reverted; 2 not over in time")
    .option("--timeout <duration>", "how long to follow it", FOLLOWED_FOR)
    .option("--once", "tell what it is at, and follow nothing")
    .action(async (name: string, flags: StatusFlags) => void (code = await rolloutStatus(io, name, flags)));
  rollout("history", "List its rollouts, newest first").action(
    async (name: string, flags: RolloutFlags) => void (code = await rolloutHistory(io, name, flags)),
  );
  rollout("undo", "Begin a rollout to the version that ran before")
    .option("--to-version <number>", "to this stored version")
    .option("--strategy <name>", "default: that of the rollout which brought what runs")
    .action(async (name: string, flags: UndoFlags) => void (code = await rolloutUndo(io, name, flags)));
  for (const [action, text] of Object.entries(ACTION_TEXTS)) {
    chosen(action, text).action(async (name: string, flags: RolloutFlags) => {
      code = await rolloutAction(io, action as RolloutAction, name, flags);
    });
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.failed;
    const problems = error instanceof ProblemsError ? error.problems : null;
    const texts = problems === null ? [describeFailure(error)] : problems.map(describeProblem);
    if (isJson) io.out(`${JSON.stringify({ problems: problems ?? texts.map((message) => ({ message })) })}\n`);
    io.err(texts.map((text) => `${text}\n`).join(""));
    return EXIT.failed;
  }
}
