/** `npm run deploy`: hands the process's surroundings to the command and turns its outcome into an exit code. */
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout } from "node:timers/promises";
import { CloudflareError } from "./cloudflare/api.ts";
import { deploy } from "./command.ts";
import { DeployError } from "./deploy-error.ts";

const isTerminal = process.stdin.isTTY && process.stdout.isTTY;

try {
  await deploy(process.argv.slice(2), {
    root: join(import.meta.dirname, "..", ".."),
    variables: process.env,
    print: (text) => console.log(text),
    confirm: isTerminal ? confirm : undefined,
    wait: (ms) => setTimeout(ms),
  });
} catch (error) {
  if (!(error instanceof DeployError) && !(error instanceof CloudflareError)) throw error;
  console.error(`deploy: ${error.message}`);
  process.exitCode = 1;
}

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
