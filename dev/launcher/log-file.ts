/** The log of a launch, `.gantry/gantry-<port>.log`. The one of the launch before is kept beside it. */
import { createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

export interface LogFile {
  readonly path: string;
  write(line: string): void;
}

export function openLog(stateDir: string, port: number): LogFile {
  mkdirSync(stateDir, { recursive: true });
  const path = join(stateDir, `gantry-${port}.log`);
  if (existsSync(path)) renameSync(path, `${path}.before`);
  // The control plane's own lines may hold addresses and names of a user's workloads.
  const stream = createWriteStream(path, { mode: 0o600 });
  stream.on("error", () => undefined);
  return {
    path,
    write: (line) => stream.write(`${new Date().toISOString()} ${stripVTControlCharacters(line)}\n`),
  };
}

const TROUBLE = /\[ERROR\]|\[wrangler:error\]|\buncaught\b|^workerd\//i;
/** A host that a container has asked for does not exist, or no name is resolved here. The container is told, and its events. */
const UNKNOWN_HOST = /failed to lookup address information/;

/** Whether a line of wrangler or workerd is for the console too. */
export function isTrouble(line: string): boolean {
  const text = stripVTControlCharacters(line);
  return TROUBLE.test(text) && !UNKNOWN_HOST.test(text);
}
