/** `gantry apply` and `gantry diff`: what is declared becomes what there is, or is only told. */
import { parseDuration } from "../../src/duration.ts";
import type { Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { planJson, renderPlan, renderResult, resultsJson } from "../render.ts";
import { executeDeletions, executeWrites, type Result } from "../resources/execute.ts";
import { isEmpty, type Step } from "../resources/plan.ts";
import { waitForAll } from "../resources/wait.ts";
import { writeImages, type ImagesChange } from "../wrangler-images.ts";
import { planned, type PlanFlags } from "./context.ts";

/** For programs that call this one. */
export const EXIT = { done: 0, failed: 1, late: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ApplyFlags extends PlanFlags {
  readonly wait?: boolean | undefined;
  readonly timeout?: string | undefined;
  readonly write?: boolean | undefined;
}

export async function diff(io: Io, flags: PlanFlags & { readonly exitCode?: boolean | undefined }): Promise<ExitCode> {
  const { owner, plan, images, lacking } = await planned(io, flags);
  if (flags.json === true) {
    io.out(`${JSON.stringify({ ...planJson(owner, plan), images: images?.diff ?? null, lacking })}\n`);
  } else {
    io.out(renderPlan(plan));
    if (images !== null) io.out(imagesNote(images, false));
    if (lacking.length > 0) io.out(`${lackingNote(lacking)}\n`);
  }
  return flags.exitCode === true && !(isEmpty(plan) && images === null) ? EXIT.failed : EXIT.done;
}

export async function apply(io: Io, flags: ApplyFlags): Promise<ExitCode> {
  const timeoutMs = timeoutOf(flags.timeout ?? "10m");
  const { owner, plan, prepared, assessing, options, images, lacking } = await planned(io, flags);
  const say = (text: string) => (flags.json === true ? undefined : io.out(text));
  say(renderPlan(plan));
  if (images !== null) {
    say(imagesNote(images, flags.write === true));
    if (flags.write === true) await writeImages(images);
  }
  if (lacking.length > 0) {
    const message = lackingNote(lacking);
    const results = plan.steps.map((step): Result => ({ step, outcome: "skipped", message }));
    if (flags.json === true) io.out(`${JSON.stringify(resultsJson(owner, plan, results))}\n`);
    io.err(`${message}\n`);
    return EXIT.failed;
  }
  const deadline = io.now() + timeoutMs;
  const deps = { ...assessing, io, options, deadline };
  const written = await executeWrites(
    deps,
    prepared,
    plan.steps.filter((step) => !isDeletion(step)),
  );
  const waited = flags.wait === false ? written : await waitForAll(deps, written);
  const results = [...waited, ...(await deleted(deps, plan.steps.filter(isDeletion), waited))];
  for (const result of results) if (result.outcome !== "unchanged") say(renderResult(result));
  if (flags.json === true) io.out(`${JSON.stringify(resultsJson(owner, plan, results))}\n`);
  return exitOf(results);
}

function isDeletion({ action }: Step): boolean {
  return action === "delete";
}

/** What still runs may still need what is to go. */
async function deleted(
  deps: Parameters<typeof executeDeletions>[0],
  steps: Parameters<typeof executeDeletions>[1],
  before: readonly Result[],
): Promise<Result[]> {
  const held = before.find(({ outcome }) => outcome !== "done" && outcome !== "unchanged");
  if (held === undefined) return await executeDeletions(deps, steps);
  const message = "kept: what was applied before does not run yet";
  return steps.map((step) => ({ step, outcome: "skipped", message }));
}

export function exitOf(results: readonly Result[]): ExitCode {
  if (results.some(({ outcome }) => outcome === "failed")) return EXIT.failed;
  return results.every(({ outcome }) => outcome === "done" || outcome === "unchanged") ? EXIT.done : EXIT.late;
}

function imagesNote({ diff: text, file, names }: ImagesChange, isWritten: boolean): string {
  const way = isWritten
    ? `${file} is written: deploy the control plane (locally: npm start again) so that it has ${names.join(", ")}`
    : `${file} is not changed: give --write, or mend it, and deploy the control plane so that it has ${names.join(", ")}`;
  return `${text}\n${way}\n`;
}

/** Written now, the rest would be refused or run without what it is for. */
function lackingNote(names: readonly string[]): string {
  const them = names.length === 1 ? "it stands" : "they stand";
  return `the control plane does not have ${names.join(", ")} yet: when ${them} in its wrangler.jsonc (--write), deploy it (locally: npm start again), and apply again; nothing is applied until then`;
}

export function timeoutOf(text: string): number {
  const ms = parseDuration(/^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text);
  if (ms !== null) return ms;
  throw new ProblemsError([problem("must be a number of seconds or a duration such as 5m", { field: "--timeout" })]);
}
