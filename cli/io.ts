/** Everything of the process that commands use, so that tests can stand in for it. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  out(text: string): void;
  err(text: string): void;
  stdin(): Promise<string>;
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** Where a command was typed: npm runs scripts in the folder of their package.json. */
export function typedIn({ env, cwd }: Io): string {
  return isNpmScript(env) ? (env["INIT_CWD"] ?? cwd) : cwd;
}

/** `npm run gantry -- …` */
export function isNpmScript(env: Io["env"]): boolean {
  return env["npm_lifecycle_event"] === "gantry";
}

export function processIo(): Io {
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    stdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
    now: Date.now,
    sleep: async (ms) => await sleep(ms),
  };
}
