/** Plans and results as people read them, and as programs do. No value of a secret ever comes here. */
import type { Result } from "./resources/execute.ts";
import type { Plan, Step } from "./resources/plan.ts";
import { keyOf, type Json } from "./resources/resource.ts";

const SIGNS = { create: "+", update: "~", replace: "±", adopt: "→", delete: "-", none: " " } as const;
const WORDS = {
  create: "create",
  update: "change",
  replace: "replace",
  adopt: "adopt",
  delete: "delete",
  none: "unchanged",
} as const;
const LONGEST = 120;

export function renderPlan({ steps, left }: Plan): string {
  const shown = steps.filter(({ action }) => action !== "none");
  const lines = shown.flatMap(linesOf);
  const same = steps.length - shown.length;
  const kept = left.map((key) => `  ${key} is this owner's and is not declared any more: --prune deletes it`);
  const counts = Object.entries(WORDS)
    .map(([action, word]) => [word, steps.filter((step) => step.action === action).length] as const)
    .filter(([word, count]) => count > 0 && word !== "unchanged")
    .map(([word, count]) => `${count} to ${word}`);
  const summary = counts.length === 0 ? "Nothing to do" : counts.join(", ");
  return [...lines, ...kept, `${summary}; ${same} unchanged.`].map((line) => `${line}\n`).join("");
}

function linesOf(step: Step): string[] {
  const { action, adopts, reason, changes, instances } = step;
  const also = adopts && action !== "adopt" ? ", adopted" : "";
  const why = reason === null ? "" : ` (${reason})`;
  const head = `${SIGNS[action]} ${keyOf(step)}: ${WORDS[action]}${also}${why}`;
  const fields = changes.map(({ field, from, to }) =>
    from === null ? `    ${field}: ${text(to)}` : `    ${field}: ${text(from)} → ${text(to)}`,
  );
  const touched = Object.entries(instances ?? {}).filter(([name, count]) => name !== "unchanged" && count > 0);
  const counts = touched.map(([name, count]) => `${count} ${name}`).join(", ");
  return [head, ...fields, ...(counts === "" ? [] : [`    instances: ${counts}`])];
}

function text(value: Json): string {
  const whole = value === null ? "not set" : JSON.stringify(value);
  return whole.length > LONGEST ? `${whole.slice(0, LONGEST - 1)}…` : whole;
}

export function renderResult({ step, outcome, message }: Result): string {
  const said = outcome === "done" ? DONE[step.action] : outcome;
  return `${keyOf(step)}: ${said}${message === null ? "" : `: ${message}`}\n`;
}

const DONE = {
  create: "created",
  update: "changed",
  replace: "replaced",
  adopt: "adopted",
  delete: "deleted",
  none: "unchanged",
} as const;

export function planJson(owner: string, { steps, left }: Plan) {
  return { owner, steps: steps.map(stepJson), left };
}

export function resultsJson(owner: string, { left }: Pick<Plan, "left">, results: readonly Result[]) {
  return { owner, steps: results.map(({ step, outcome, message }) => ({ ...stepJson(step), outcome, message })), left };
}

function stepJson(step: Step) {
  const { action, adopts, reason, changes, instances } = step;
  return { resource: keyOf(step), action, adopts, reason, changes, instances };
}
