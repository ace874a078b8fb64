/**
 * Looks at a container from outside: from launched to ready, whether it is still ready, and whether it is still there
 * when a request got no answer. It decides nothing about the record; every result goes back with its generation, and
 * whoever finds that generation over stops looking.
 */
import type { ContainerPort } from "./port.ts";
import { isReachable, probeReadiness, proofDelayMs, type Readiness } from "./readiness.ts";
import type { RunRecord } from "./run-record.ts";
import { sleep } from "../sleep.ts";

/** A container that answered once and answers nothing for this long is lost, whatever `running` says. */
export const UNREACHABLE_MS = 5_000;
const UNREACHABLE_POLL_MS = 250;

export interface HealthWatchDeps {
  readonly port: ContainerPort;
  readonly clock: () => number;
  /** The record of this generation while it lives. */
  readonly live: (generation: number) => RunRecord | undefined;
  readonly onReadiness: (record: RunRecord, readiness: Readiness) => void;
  readonly onVanished: (record: RunRecord) => void;
  readonly onUnreachable: (generation: number) => Promise<void>;
  readonly background: (work: Promise<void>) => void;
}

export class HealthWatch {
  readonly #deps: HealthWatchDeps;
  #proving: number | null = null;
  #investigating = false;

  constructor(deps: HealthWatchDeps) {
    this.#deps = deps;
  }

  /** From launched, or unready, to ready. One loop per generation, however often it is asked for. */
  prove(generation: number): void {
    if (this.#proving === generation) return;
    this.#proving = generation;
    this.#deps.background(
      this.#proveUntilReady(generation).finally(() => {
        if (this.#proving === generation) this.#proving = null;
      }),
    );
  }

  /** A request got no answer: looks whether the container is still there. */
  suspect(generation: number): void {
    if (this.#investigating) return;
    this.#investigating = true;
    this.#deps.background(
      this.#investigate(generation).finally(() => {
        this.#investigating = false;
      }),
    );
  }

  /** Readiness of a running container, with as many attempts as its checks allow. */
  async recheck(generation: number): Promise<void> {
    const attempts = Math.max(1, ...(this.#running(generation)?.probes.map((probe) => probe.attempts) ?? []));
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const before = this.#running(generation);
      if (before === undefined) return;
      const readiness = await probeReadiness(this.#deps.port, before, this.#deps.clock());
      const record = this.#running(generation);
      if (record === undefined) return;
      if (readiness.refused) {
        this.suspect(generation);
        return;
      }
      if (readiness.ready || attempt === attempts) {
        this.#deps.onReadiness(record, { ...readiness, started: true });
        if (!readiness.ready) this.prove(generation);
        return;
      }
      await sleep(Math.max(...record.probes.map((probe) => probe.intervalMs)));
    }
  }

  #running(generation: number): RunRecord | undefined {
    const record = this.#deps.live(generation);
    return record?.phase === "running" ? record : undefined;
  }

  /** Polls quickly at first, since every millisecond here is a caller's cold start. */
  async #proveUntilReady(generation: number): Promise<void> {
    const { port, clock, live } = this.#deps;
    for (;;) {
      const before = live(generation);
      if (before === undefined || before.phase === "stopping" || before.ready) return;
      if (!port.running) {
        this.#deps.onVanished(before);
        return;
      }
      const readiness = await probeReadiness(port, before, clock());
      const record = live(generation);
      if (record === undefined || record.phase === "stopping") return;
      this.#deps.onReadiness(record, readiness);
      if (readiness.ready) return;
      await sleep(proofDelayMs(clock() - record.startedAt));
    }
  }

  /** Out of routing at once, back when it answers, lost when it stays silent. */
  async #investigate(generation: number): Promise<void> {
    const { port, clock } = this.#deps;
    const deadline = clock() + UNREACHABLE_MS;
    for (;;) {
      const before = this.#running(generation);
      if (before === undefined) return;
      if (!port.running) {
        // Its exit code may be a moment behind.
        await sleep(UNREACHABLE_POLL_MS);
        this.#deps.onVanished(before);
        return;
      }
      const reachable = await isReachable(port, before);
      const record = this.#running(generation);
      if (record === undefined) return;
      if (reachable) {
        if (!record.ready) this.prove(generation);
        return;
      }
      if (record.ready)
        this.#deps.onReadiness(record, {
          started: true,
          ready: false,
          refused: true,
          listens: true,
          detail: "nothing answers",
        });
      if (clock() >= deadline) {
        await this.#deps.onUnreachable(generation);
        return;
      }
      await sleep(UNREACHABLE_POLL_MS);
    }
  }
}
