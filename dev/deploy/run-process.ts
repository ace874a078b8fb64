/** Runs a program in the foreground: its output is the user's to read. */
import { spawn } from "node:child_process";
import type { Variables } from "./options.ts";

/** Ctrl-C reaches wrangler too; this process stays to say what became of the secrets. */
const stay = () => {};

/** Exit code, the signal that ended it, or why it could not be started. */
export function runProcess(
  command: string,
  args: readonly string[],
  cwd: string,
  variables: Variables,
  stdio: "inherit" | "ignore" = "inherit",
): Promise<number | string> {
  return new Promise((resolve) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the generated ProcessEnv demands the Worker's own variables
    const env = variables as NodeJS.ProcessEnv;
    const child = spawn(command, args, { cwd, env, stdio });
    process.on("SIGINT", stay);
    const end = (outcome: number | string) => {
      process.off("SIGINT", stay);
      resolve(outcome);
    };
    child.on("error", (error) => end(error.message));
    child.on("exit", (code, signal) => end(code ?? signal ?? 1));
  });
}
