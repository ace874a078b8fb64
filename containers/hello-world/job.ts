/**
 * The same image as a job: it prints, takes its time and ends as its arguments say. For trying jobs, and what they do
 * about failures.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const text = { type: "string" } as const;

export async function runJob(args: string[]): Promise<void> {
  const { env } = process;
  const { values } = parseArgs({
    args,
    options: { print: text, error: text, sleep: text, exit: text, "fail-first": text, term: text },
  });
  const {
    print = `attempt ${env["GANTRY_ATTEMPT"] ?? 1}, index ${env["GANTRY_JOB_INDEX"] ?? 0}`,
    error,
    term,
  } = values;
  // As process 1 there is no default handler.
  process.on("SIGTERM", () => {
    console.log("SIGTERM");
    if (term !== "ignore") process.exit(Number(term ?? 143));
  });
  console.log(print);
  if (error !== undefined) console.error(error);
  await sleep(1000 * Number(values.sleep ?? 0));
  const failures = values["fail-first"];
  const isToFail = failures === undefined || Number(env["GANTRY_JOB_FAILURES"] ?? 0) < Number(failures);
  process.exitCode = isToFail ? Number(values.exit ?? (failures === undefined ? 0 : 1)) : 0;
}
