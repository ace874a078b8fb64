/** A thread of `npm run simulate`: takes a range of seeds at a time. Each thread has a clock of its own to replace. */
import { parentPort } from "node:worker_threads";
import { runSeeds, type Totals } from "./seeds.ts";
import type { SimulationName } from "./simulations.ts";

export interface Job {
  readonly simulation: SimulationName;
  readonly from: number;
  readonly count: number;
}

export interface Done {
  readonly job: Job;
  readonly totals: Totals;
}

const port = parentPort;
if (port === null) throw new Error("this is a thread of `npm run simulate`");
port.on("message", (job: Job) => {
  void runSeeds(job.simulation, job.from, job.count).then((totals) => {
    port.postMessage({ job, totals } satisfies Done);
  });
});
