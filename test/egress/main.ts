/**
 * `npm run fuzz:egress`: a million requests, held against the reference evaluator. `-- --evaluations N` for another number,
 * `--seed S` for those of another run.
 */
import { parseArgs } from "node:util";
import { checkAgreement } from "./agreement.ts";

const { values } = parseArgs({
  options: { evaluations: { type: "string", default: "1000000" }, seed: { type: "string" } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const startedAt = performance.now();
const { evaluations, counts } = checkAgreement({ evaluations: Number(values.evaluations), seed });
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const parts = [...counts].toSorted(([, a], [, b]) => b - a).map(([key, count]) => `${key} ${count}`);
process.stdout.write(
  `${evaluations} evaluations with seed ${seed} in ${seconds} s, none thrown, none differs from the reference\n${parts.join(", ")}\n`,
);
