/**
 * The checks of a container that has started up, one loop each, for as long as its object is in memory: no row and no
 * alarm per attempt. A ready check is only watched while it passes (the way back is the proof of readiness), a health
 * check always. An eviction ends the loops; the next keep-alive look begins them again.
 */
import { sleep } from "../sleep.ts";
import type { ContainerPort } from "./port.ts";
import { passes, probeOnce } from "./probe.ts";
import type { RunRecord } from "./run-record.ts";
import { afterProbes, withFailing } from "./verdicts.ts";

export interface CheckLoopDeps {
  readonly port: ContainerPort;
  readonly clock: () => number;
  /** The record of this generation while it runs. */
  readonly running: (generation: number) => RunRecord | undefined;
  readonly onChange: (before: RunRecord, after: RunRecord) => void;
  readonly onUnready: (generation: number) => void;
  readonly onUnhealthy: (after: RunRecord, message: string) => void;
  readonly background: (work: Promise<void>) => void;
}

export class CheckLoops {
  readonly #deps: CheckLoopDeps;
  #following: number | null = null;

  constructor(deps: CheckLoopDeps) {
    this.#deps = deps;
  }

  /** Begins the loops of a generation, once. `atOnce`: nothing is known of how it was lately. */
  follow(record: RunRecord, atOnce: boolean): void {
    const { generation } = record;
    if (this.#following === generation) return;
    this.#following = generation;
    record.probes.forEach(({ kind, intervalMs }, index) => {
      if (kind === "startup" || intervalMs === null) return;
      this.#deps.background(this.#watch(generation, index, intervalMs, atOnce));
    });
  }

  async #watch(generation: number, index: number, intervalMs: number, atOnce: boolean): Promise<void> {
    const { port, clock, running } = this.#deps;
    let failures = 0;
    if (!atOnce) await sleep(intervalMs);
    for (;;) {
      const before = running(generation);
      const probe = before?.probes[index];
      if (before === undefined || probe === undefined) return;
      if (probe.kind === "ready" && before.checks[index]?.state !== "passing") {
        failures = 0;
      } else {
        const result = await probeOnce(port, probe, before, clock());
        const record = running(generation);
        if (record === undefined) return;
        const now = clock();
        const isIgnored = passes(result) || now - record.startedAt < probe.graceMs;
        failures = isIgnored ? 0 : failures + 1;
        if (passes(result)) this.#deps.onChange(record, afterProbes(record, new Map([[index, result]]), now));
        if (failures >= probe.attempts) {
          failures = 0;
          const after = withFailing(record, [index], result.detail, now);
          if (probe.kind === "health") {
            const times = `${probe.attempts} time${probe.attempts === 1 ? "" : "s in a row"}`;
            this.#deps.onUnhealthy(after, `check ${probe.name} failed ${times}: ${result.detail}`);
            return;
          }
          this.#deps.onChange(record, after);
          this.#deps.onUnready(generation);
        }
      }
      await sleep(intervalMs);
    }
  }
}
