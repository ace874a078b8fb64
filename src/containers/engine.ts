/**
 * How far this lifetime of the object may trust the engine about its container: every question has a bound, and silence is
 * doubt. Whoever is in doubt calls nothing ended and nothing ready: it ends, and the next lifetime sees what there is.
 */
import { inspected, isDestroyed } from "./bounded-commands.ts";
import { REVISION_LABEL } from "./launch-options.ts";
import type { ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

const ENGINE_SILENT = "EngineSilent";
/** An end is told only of what has ended. */
const IN_DOUBT = "whether the container runs is being found out";
/** What has just been launched may keep the engine busy; and a look may come before anything runs. */
export const LAUNCH_MS = 10_000;

export interface EngineDeps {
  readonly port: ContainerPort;
  readonly clock: () => number;
  /** The end of the command of ours that runs inside, for a moment at most; null when none does. */
  readonly settled: () => Promise<void> | null;
  /** Ends this lifetime, and makes sure that there is another. */
  readonly onDoubt: (why: string) => void;
}

export class Engine {
  readonly #deps: EngineDeps;
  #isInDoubt = false;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  /** This lifetime does not know whether its container runs, and is about to end. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  requireTrust(): void {
    if (this.#isInDoubt) throw new Error(IN_DOUBT);
  }

  /** Who says so ends this lifetime himself. */
  distrust(): void {
    this.#isInDoubt = true;
  }

  doubt(why: string): void {
    this.#isInDoubt = true;
    this.#deps.onDoubt(why);
  }

  /** Kills and removes what runs. Throws when nobody says that it is gone, which ends this lifetime. */
  async destroy(): Promise<void> {
    const { port, settled } = this.#deps;
    const command = settled();
    if (command !== null) await command;
    if (await isDestroyed(port)) return;
    if (!this.#isInDoubt) this.doubt(ENGINE_SILENT);
    this.requireTrust();
  }

  /** Destroys what is there; costs nothing when nothing is. */
  async clear(): Promise<void> {
    if (this.#deps.port.running) await this.destroy();
  }

  /** Whether what runs is what was launched. `isSuspect`: not even its launch excuses a silence, which is `doubtful`. */
  async compare({ revision, startedAt }: RunRecord, isSuspect: boolean): Promise<"same" | "other" | "doubtful"> {
    const { port, clock } = this.#deps;
    const seen = await inspected(port);
    if (seen === "silent") {
      if (!this.#isInDoubt && (isSuspect || clock() >= startedAt + LAUNCH_MS)) this.doubt(ENGINE_SILENT);
      return this.#isInDoubt ? "doubtful" : "same";
    }
    const found = seen?.labels[REVISION_LABEL];
    return found === undefined || found === revision ? "same" : "other";
  }
}
