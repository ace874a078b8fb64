/**
 * Prepares the runtime by hand: `node dev/runtime/main.ts` prints the environment for wrangler, to use as
 * `export $(node dev/runtime/main.ts)`. Progress goes to standard error.
 */
import { join } from "node:path";
import { prepareRuntime } from "./prepare.ts";

const note = (line: string) => process.stderr.write(`${line}\n`);
try {
  const { dockerSocket, env, standIns } = await prepareRuntime({
    projectDir: join(import.meta.dirname, "../.."),
    log: note,
  });
  for (const line of standIns) note(`Stand-in: ${line}`);
  note(`Docker socket: ${dockerSocket}`);
  for (const [name, value] of Object.entries(env)) process.stdout.write(`${name}=${value}\n`);
} catch (error) {
  note(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
