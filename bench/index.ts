/** Runs every benchmark, or those that are named. */
import { runFromCommandLine } from "./command-line.ts";
import { apiBench } from "./api.ts";
import { downloaderBench } from "./downloader.ts";
import { egressBench } from "./egress.ts";
import { jobsBench } from "./jobs.ts";
import { planBench } from "./plan.ts";
import { proxyBench } from "./proxy.ts";
import { registryBench } from "./registry.ts";
import { schedulerBench } from "./scheduler.ts";

await runFromCommandLine([
  proxyBench,
  egressBench,
  registryBench,
  downloaderBench,
  apiBench,
  planBench,
  schedulerBench,
  jobsBench,
]);
