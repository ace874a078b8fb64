/**
 * Tells the application how its instance is: always the state as it is now, one message at a time, and again while it
 * changes meanwhile. So reports never overtake each other, and a lost one is made good by the next.
 */
import { describeError } from "../errors.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import type { ReportReply } from "../orchestrator/scheduler-deps.ts";
import { reportOf, type RunRecord } from "./run-record.ts";

export interface ReporterDeps {
  readonly current: () => RunRecord | null;
  readonly send: (record: RunRecord, report: Report) => Promise<ReportReply>;
  readonly onReply: (record: RunRecord, reply: ReportReply) => Promise<void>;
  readonly onFailure: () => void;
}

export class Reporter {
  readonly #deps: ReporterDeps;
  #running: Promise<void> | null = null;
  #again = false;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }

  report(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#untilHeard().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #untilHeard(): Promise<void> {
    do {
      this.#again = false;
      const record = this.#deps.current();
      // A tombstone has no application to tell.
      if (record === null || record.applicationId === "") return;
      let reply: ReportReply;
      try {
        reply = await this.#deps.send(record, reportOf(record));
      } catch (error) {
        console.warn({ message: "instance.report.failed", generation: record.generation, error: describeError(error) });
        this.#deps.onFailure();
        return;
      }
      await this.#deps.onReply(record, reply);
    } while (this.#again);
  }
}
