/** `npm run contract -- --requests 50000 --seed 7`: the walk, as long as one likes, with a table of what it reached. */
import { parseArgs } from "node:util";
import { loadContract } from "./document.ts";
import { ACCOUNT_ID, startServer, TOKEN } from "./server.ts";
import { Walk } from "./walk.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: process.env["CONTRACT_REQUESTS"] ?? "5000" },
    seed: { type: "string", default: process.env["CONTRACT_SEED"] ?? String(Date.now() % 1_000_000_000) },
  },
});
const log = (line: string) => console.log(line);
log(`seed ${values.seed}, ${values.requests} requests`);
const contract = await loadContract();
const server = await startServer();
const startedAt = performance.now();
const walk = new Walk({
  contract,
  origin: server.origin,
  token: TOKEN,
  accountId: ACCOUNT_ID,
  requests: Number(values.requests),
  seed: Number(values.seed),
  log,
});
const report = await walk.run();
for (const { method, path, statuses } of report.operations) {
  const counts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`);
  log(`${method.padEnd(6)} ${path}  ${counts.join(", ")}`);
}
const seconds = (performance.now() - startedAt) / 1_000;
log(`${report.sent} requests in ${seconds.toFixed(0)} s, seed ${report.seed}: ${report.defects.length} defects`);
for (const { method, path, refusal } of report.operations) {
  if (report.unreached.includes(`${method} ${path}`))
    log(`never answered with success: ${method} ${path} ${refusal ?? ""}`);
}
await server.close();
process.exit(report.defects.length + report.unreached.length === 0 ? 0 : 1);
