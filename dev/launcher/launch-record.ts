/**
 * The record of a launch, `.gantry/launch-<port>.json`: who runs this project on this port, and which processes it
 * started. By it a second launch refuses, and the next one ends what a killed launcher left.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { withLock } from "../runtime/lock.ts";
import { LaunchError } from "./launch-error.ts";
import { identify, isAlive, killAll, type ProcessId } from "./processes.ts";

const processId = z.object({ pid: z.int().positive(), startedAt: z.string() });
const launchRecord = z.object({ launcher: processId, processes: z.array(processId) });
export type LaunchRecord = z.infer<typeof launchRecord>;

export type Finding =
  | { readonly type: "free" }
  | { readonly type: "live"; readonly pid: number }
  | { readonly type: "left"; readonly processes: readonly ProcessId[] };

export function judge(record: LaunchRecord | undefined, alive: (process: ProcessId) => boolean): Finding {
  if (record === undefined) return { type: "free" };
  if (alive(record.launcher)) return { type: "live", pid: record.launcher.pid };
  const processes = record.processes.filter(alive);
  return processes.length === 0 ? { type: "free" } : { type: "left", processes };
}

export class Launch {
  readonly #path: string;
  readonly #launcher: ProcessId;
  #processes: readonly ProcessId[] = [];

  private constructor(path: string, launcher: ProcessId) {
    this.#path = path;
    this.#launcher = launcher;
  }

  /** Takes this port of this project, or throws where another launcher has it. */
  static async claim(stateDir: string, port: number, log: (line: string) => void): Promise<Launch> {
    const path = join(stateDir, `launch-${port}.json`);
    return await withLock(`${path}.lock`, async () => {
      const finding = judge(readRecord(path), isAlive);
      if (finding.type === "live") {
        throw new LaunchError(
          `Gantry already runs here on port ${port} (process ${finding.pid}): stop it with Ctrl-C there or kill ${finding.pid}, or start with another PORT.`,
        );
      }
      if (finding.type === "left") {
        const count = await killAll(finding.processes);
        log(`Ended ${count} processes that an earlier run left behind.`);
      }
      const self = identify(process.pid) ?? { pid: process.pid, startedAt: "unknown" };
      const launch = new Launch(path, self);
      launch.#write();
      return launch;
    });
  }

  /** Written before anything is done with the process, so that no crash of the launcher loses it. */
  addProcess(pid: number): void {
    const found = identify(pid);
    if (found === undefined) return;
    this.#processes = [...this.#processes.filter(isAlive), found];
    this.#write();
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }

  #write(): void {
    mkdirSync(join(this.#path, ".."), { recursive: true });
    const record: LaunchRecord = { launcher: this.#launcher, processes: [...this.#processes] };
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(record)}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

/** A record that cannot be read says nothing. */
function readRecord(path: string): LaunchRecord | undefined {
  try {
    return launchRecord.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
