/**
 * Tells the application what its instance has under way, where that decides how many instances there are: at most every
 * two seconds, when it has changed, and now and then while it has not, so that silence means that nobody is there. In
 * memory only; a report that is lost is made good by the next.
 */
import type { LoadReport } from "../orchestrator/autoscaling/autoscaler.ts";
import { sleep } from "../sleep.ts";

const REPORT_EVERY_MS = 2_000;
/** Well within the time after which a silent instance is taken for gone. */
const REPEAT_EVERY_MS = 10_000;

export interface LoadReporterDeps {
  readonly clock: () => number;
  readonly inFlight: () => number;
  /** Whether this instance is to report at all. */
  readonly isWanted: () => boolean;
  readonly send: (load: LoadReport) => Promise<void>;
  readonly background: (work: Promise<void>) => void;
}

export class LoadReporter {
  readonly #deps: LoadReporterDeps;
  #isRunning = false;
  #requests = 0;

  constructor(deps: LoadReporterDeps) {
    this.#deps = deps;
  }

  /** A request has come. */
  count(): void {
    if (!this.#deps.isWanted()) return;
    this.#requests += 1;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#deps.background(
      this.#untilIdle().finally(() => {
        this.#isRunning = false;
      }),
    );
  }

  async #untilIdle(): Promise<void> {
    const { clock, inFlight, isWanted, send } = this.#deps;
    let since = clock();
    let said: LoadReport | null = null;
    let saidAt = 0;
    while (isWanted()) {
      await sleep(REPORT_EVERY_MS);
      const now = clock();
      const requestsPerSecond = rateOf(this.#requests, now - since);
      this.#requests = 0;
      since = now;
      const load = { inFlight: inFlight(), requestsPerSecond, at: now };
      const isNews = said === null || said.inFlight !== load.inFlight || said.requestsPerSecond !== requestsPerSecond;
      const isIdle = load.inFlight === 0 && requestsPerSecond === 0;
      if (isNews || now - saidAt >= REPEAT_EVERY_MS) {
        await send(load).catch((error: unknown) => {
          console.warn({ message: "instance.load.failed", error: String(error) });
        });
        said = load;
        saidAt = now;
      }
      if (isIdle) return;
    }
  }
}

/** A second, in halves: that is one in two seconds. A single request is not rounded away. */
function rateOf(requests: number, ms: number): number {
  return requests === 0 ? 0 : Math.max(1, Math.round((requests * 2_000) / Math.max(1, ms))) / 2;
}
