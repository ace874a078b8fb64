/**
 * The command of a job's attempt inside a simulated container: it begins some time after its container, runs for a while and
 * ends with a code, or does not; a signal ends it, or does not. Where a shell runs it, its outcome is there until it is
 * fetched, and the container goes with the command otherwise.
 */
import type { Printed, StartOptions } from "../../../../src/containers/port.ts";
import type { Random } from "../../random.ts";
import type { VirtualTime } from "../../engine/time.ts";

/** What the command of a job does, as its variable `TASK` says. */
export interface Task {
  /** How often it ends with another code than 0, and does not end by itself: from 0 to 1. */
  readonly fails: number;
  readonly hangs: number;
  /** The longest that it runs. */
  readonly lastMs: number;
  /** Its image has one. */
  readonly hasShell: boolean;
}

/** How long a wrapped command's container waits for its outcome to be fetched. */
const PATIENCE_MS = 300_000;
const QUICK = 0.2;
const QUICK_MS = 30;
const TERMINATED = 143;
export const KILLED = 137;
/** Codes of failures; the rules of jobs name some of them. */
export const FAILURES = [1, 2, 3, 4] as const;

export interface CommandDeps {
  readonly time: VirtualTime;
  readonly random: Random;
  /** It has ended with that code. */
  readonly onEnded: (code: number) => void;
  /** Its container ends with it. */
  readonly exit: (code: number) => void;
}

export class SimulatedCommand {
  readonly job: string;
  readonly index: number;
  readonly attempt: number;
  readonly isWrapped: boolean;
  readonly task: Task;
  /** With which it has ended; null: it has not. */
  code: number | null = null;
  hasBegun = false;
  readonly #begun = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<number>();
  readonly #deps: CommandDeps;

  constructor({ env, entrypoint }: StartOptions, deps: CommandDeps) {
    this.#deps = deps;
    this.job = env["GANTRY_JOB"] ?? "";
    this.index = Number(env["GANTRY_JOB_INDEX"]);
    this.attempt = Number(env["GANTRY_ATTEMPT"]);
    this.isWrapped = entrypoint?.[3] === "gantry";
    this.task = JSON.parse(env["TASK"] ?? "{}") as Task;
  }

  /** Nothing goes wrong any more. */
  begin(isCalm: boolean): void {
    if (this.code !== null) return;
    const { time, random } = this.#deps;
    const { fails, hangs, lastMs } = this.task;
    this.hasBegun = true;
    this.#begun.resolve();
    const ms = random.chance(QUICK) ? random.between(0, QUICK_MS) : random.between(200, lastMs);
    const code = random.chance(fails) && !isCalm ? random.pick(FAILURES) : 0;
    const isHanging = random.chance(hangs) && !isCalm;
    // Until somebody ends it.
    if (!isHanging) time.after(ms, () => this.end(code));
  }

  /** It may do what is left to be done before it goes. */
  signal(): void {
    const { random, time } = this.#deps;
    const code = random.chance(0.7) ? TERMINATED : random.pick([0, ...FAILURES]);
    time.after(random.between(0, 3_000), () => this.end(code));
  }

  end(code: number): void {
    if (this.code !== null) return;
    this.code = code;
    this.#deps.onEnded(code);
    // One that is killed may not have begun.
    this.#begun.resolve();
    this.#ended.resolve(code);
    if (this.isWrapped) this.#deps.time.after(PATIENCE_MS, () => this.#deps.exit(code));
    else this.#deps.exit(code);
  }

  /** As its watcher prints it, once it has ended. */
  async outcome(onBegun?: () => void): Promise<Printed> {
    await this.#begun.promise;
    onBegun?.();
    const code = await this.#ended.promise;
    return { exitCode: 0, printed: this.#printed(code) };
  }

  #printed(code: number): Uint8Array {
    const said = `attempt ${this.attempt}`;
    return new TextEncoder().encode(`${code} ${said.length} 0\n${said}`);
  }
}
