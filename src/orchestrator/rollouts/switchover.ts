/**
 * Hands requests on from one version to the other at once, so that no client sees both: while nobody takes any, every
 * instance of the side that served is told to refuse, then every one of the other to take requests, and then it is done.
 *
 * Workers have copies of the routing that are seconds old, so that what a snapshot says is not enough: only what the
 * instances themselves have acknowledged is certain. Everything is idempotent and nothing is kept here: after a crash of
 * the object it begins again, and a side that was chosen anew meanwhile is told anew.
 */
import { describeError } from "../../errors.ts";
import { inBatches } from "../../batches.ts";
import { sleep } from "../../sleep.ts";
import { withTimeout } from "../../with-timeout.ts";
import { isLeaving, isPooled, type Deployment } from "../plan/deployment.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import type { RolloutMark } from "./mark.ts";
import type { RolloutSide } from "./rollout.ts";

export interface Placement {
  readonly deploymentId: string;
  readonly generation: number;
}

export interface Sides {
  /** Those that served. */
  readonly close: readonly Placement[];
  /** Those that are to. */
  readonly open: readonly Placement[];
}

export interface SwitchoverDeps {
  readonly clock: () => number;
  /** As they are now, of every shard, each of which has followed that nobody takes requests. */
  readonly sides: () => Sides | Promise<Sides>;
  /** Whether that placement takes requests to the pool. Rejects when it is not certain that it has heard. */
  readonly tell: (deploymentId: string, generation: number, isOpen: boolean) => Promise<void>;
  readonly onDone: (rolloutId: string) => void;
  readonly background: (work: Promise<void>) => void;
}

/** One that has not answered for so long is left to the planner, which stops what does not answer. */
export const TELL_FOR_MS = 10_000;
const TELL_TIMEOUT_MS = 1_000;
const RETRY_MS = 50;
const RETRY_MAX_MS = 1_000;

export class Switchover {
  readonly #deps: SwitchoverDeps;
  /** What is being switched in this lifetime. */
  #run: { readonly rolloutId: string } | null = null;

  constructor(deps: SwitchoverDeps) {
    this.#deps = deps;
  }

  /** After each pass. */
  follow({ rollout, sharding, deleting }: Pick<ApplicationRow, "rollout" | "sharding" | "deleting">): void {
    // One object does it for all shards.
    const isSwitching = rollout?.traffic.kind === "none" && (sharding?.shard ?? 0) === 0 && !deleting;
    if (!isSwitching) {
      // What the instances were told may be undone from now on: the next one begins from nothing.
      this.#run = null;
      return;
    }
    if (this.#run?.rolloutId === rollout.id) return;
    const run = { rolloutId: rollout.id };
    this.#run = run;
    this.#deps.background(
      this.#switch(run).finally(() => {
        if (this.#run === run) this.#run = null;
      }),
    );
  }

  async #switch(run: { readonly rolloutId: string }): Promise<void> {
    const { sides, onDone } = this.#deps;
    /** What each was told last. */
    const told = new Map<string, boolean>();
    for (let failures = 0; this.#run === run;) {
      try {
        // Looked at again after each round: meanwhile one may have started, or the other side may be meant.
        const { close, open } = await sides();
        if (this.#run !== run) return;
        const closing = close.filter((one) => told.get(keyOf(one)) !== false);
        const opening = open.filter((one) => told.get(keyOf(one)) !== true);
        // First the ones, then the others.
        if (closing.length > 0) await this.#tellAll(run, closing, false, told);
        else if (opening.length > 0) await this.#tellAll(run, opening, true, told);
        else {
          onDone(run.rolloutId);
          return;
        }
      } catch (error) {
        console.warn({ message: "rollout.switch.failed", rollout: run.rolloutId, error: describeError(error) });
        await sleep(pauseMs(failures));
        failures += 1;
      }
    }
  }

  /** All of them once, then again those that have not answered. */
  async #tellAll(
    run: { readonly rolloutId: string },
    placements: readonly Placement[],
    isOpen: boolean,
    told: Map<string, boolean>,
  ): Promise<void> {
    const { clock, tell } = this.#deps;
    const until = clock() + TELL_FOR_MS;
    let untold = placements;
    for (let round = 0; this.#run === run; round += 1) {
      const answers = await inBatches(untold, async (one) => {
        const { deploymentId, generation } = one;
        const error = await withTimeout(tell(deploymentId, generation, isOpen), TELL_TIMEOUT_MS).then(
          () => null,
          (why: unknown) => describeError(why),
        );
        return { one, error };
      });
      const pause = pauseMs(round);
      const isLast = clock() + pause >= until;
      for (const { one, error } of answers) {
        if (error !== null && isLast) console.warn({ message: "rollout.switch.untold", ...one, isOpen, error });
        if (error === null || isLast) told.set(keyOf(one), isOpen);
      }
      untold = untold.filter((one) => told.get(keyOf(one)) !== isOpen);
      if (untold.length === 0) return;
      await sleep(pause);
    }
  }
}

function pauseMs(failures: number): number {
  return Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** failures);
}

function keyOf({ deploymentId, generation }: Placement): string {
  return `${deploymentId} ${generation}`;
}

/** Whether a version starts what the rollout brings. */
export function isTargetOf(
  { toVersion }: Pick<RolloutMark, "toVersion">,
  version: number,
  revisionOf: (version: number) => string,
): boolean {
  return version !== 0 && (version === toVersion || revisionOf(version) === revisionOf(toVersion));
}

/** Also those that are starting: an old copy of the routing knows them from before. */
export function sidesToSwitch(
  deployments: readonly Deployment[],
  to: RolloutSide,
  isTarget: (version: number) => boolean,
): Sides {
  const all = deployments.filter((one) => isPooled(one) && !isLeaving(one) && one.generation > 0);
  const placementsAt = (side: RolloutSide) =>
    all
      .filter(({ version }) => isTarget(version) === (side === "to"))
      .map(({ id, generation }) => ({ deploymentId: id, generation }));
  return to === "to"
    ? { close: placementsAt("from"), open: placementsAt("to") }
    : { close: placementsAt("to"), open: placementsAt("from") };
}
