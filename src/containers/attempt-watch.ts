/**
 * Follows the attempt of a job inside its container: that its process runs, and where a wrapper runs its command, with
 * which code it ended and what it printed last. Asks again after a reset; what comes from an older generation is dropped.
 */
import type { Output } from "../jobs/job-store.ts";
import { kill, readOutcome, watch, type CommandOutcome } from "../jobs/wrapper/wrapper.ts";
import { describeError } from "../errors.ts";
import { sleep } from "../sleep.ts";
import { withTimeout } from "../with-timeout.ts";
import type { ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

export interface AttemptWatchDeps {
  readonly port: ContainerPort;
  readonly clock: () => number;
  readonly background: (work: Promise<void>) => void;
  readonly live: (generation: number) => RunRecord | undefined;
  /** A process of it runs. */
  readonly onStarted: (record: RunRecord) => void;
  readonly onVanished: (record: RunRecord) => void;
  /** Its command has ended; the container waits to be let go. */
  readonly onDone: (generation: number, outcome: CommandOutcome) => void;
}

/** What proves that something runs: a command inside began, or there is none of that name inside. */
const PROOF = ["/bin/true"];
const PROOF_TIMEOUT_MS = 5_000;
/**
 * After the launch: a command that begins as its container ends hangs in Docker's engine, and workerd, which waits for it,
 * then tells nothing of that container any more. What ends sooner is told of by the monitor alone.
 */
const PROOF_AFTER_MS = 2_000;
const NO_SUCH_COMMAND = /executable file not found|no such file or directory/i;
/** A wrapper that found no place to write has only run its command: then nothing is to be had from it. */
const UNKEPT_AFTER_MS = 10_000;
/** The container is killed whatever comes of it. */
const KILL_TIMEOUT_MS = 3_000;
/** Who watches it hears how it ended a while after it is gone, on a busy platform: only what nobody tells of has vanished. */
const TOLD_WITHIN_MS = 2_500;

export class AttemptWatch {
  readonly #deps: AttemptWatchDeps;
  #following: number | null = null;

  constructor(deps: AttemptWatchDeps) {
    this.#deps = deps;
  }

  /** One loop per generation, however often it is asked for. */
  follow(generation: number): void {
    if (this.#following === generation) return;
    this.#following = generation;
    this.#deps.background(
      this.#follow(generation).finally(() => {
        if (this.#following === generation) this.#following = null;
      }),
    );
  }

  /** Kills the command alone, so that what it has printed can be kept. Null: that cannot be had. */
  async kill(record: RunRecord): Promise<Output | null> {
    if (record.attempt?.isWrapped !== true) return null;
    const { port } = this.#deps;
    const seen = await withTimeout(port.run(kill()), KILL_TIMEOUT_MS).catch(() => null);
    const outcome = seen === null ? null : readOutcome(seen.printed);
    return outcome === null ? null : { stdout: outcome.stdout, stderr: outcome.stderr };
  }

  async #follow(generation: number): Promise<void> {
    const { port, clock, live } = this.#deps;
    let isGone = false;
    for (;;) {
      const record = live(generation);
      if (record?.attempt === undefined) return;
      if (!port.running) {
        if (isGone) {
          this.#deps.onVanished(record);
          return;
        }
        isGone = true;
        await sleep(TOLD_WITHIN_MS);
        continue;
      }
      const tooSoonMs = record.attempt.isWrapped ? 0 : record.startedAt + PROOF_AFTER_MS - clock();
      if (tooSoonMs > 0) {
        await sleep(tooSoonMs);
        continue;
      }
      const isOver = record.attempt.isWrapped ? await this.#watch(generation) : await this.#prove(generation);
      if (isOver) return;
      await sleep(paceMs(clock() - record.startedAt));
    }
  }

  /** True: there is nothing more to see. */
  async #watch(generation: number): Promise<boolean> {
    const { port, clock, live, onDone } = this.#deps;
    try {
      const { exitCode, printed } = await port.run(watch(), () => this.#started(generation));
      const outcome = exitCode === 0 ? readOutcome(printed) : null;
      const record = live(generation);
      if (record === undefined) return true;
      if (outcome === null) return clock() - record.startedAt > UNKEPT_AFTER_MS;
      onDone(generation, outcome);
      return true;
    } catch (error) {
      console.log({ message: "attempt.watch.failed", generation, error: describeError(error) });
      return false;
    }
  }

  async #prove(generation: number): Promise<boolean> {
    try {
      await this.#deps.port.exec(PROOF, PROOF_TIMEOUT_MS);
    } catch (error) {
      if (!NO_SUCH_COMMAND.test(describeError(error))) return false;
    }
    this.#started(generation);
    return true;
  }

  #started(generation: number): void {
    const record = this.#deps.live(generation);
    if (record?.phase === "starting") this.#deps.onStarted(record);
  }
}

/** Quick at first, since many a job is short. */
function paceMs(elapsedMs: number): number {
  if (elapsedMs < 2_000) return 25;
  return elapsedMs < 10_000 ? 200 : 2_000;
}
