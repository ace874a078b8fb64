/** The plan as text: what exists, what is created, what is deployed. Never a secret's value. */
import type { Desired, DesiredSecret } from "./desired.ts";
import { type Existing, findExisting, type Step } from "./plan.ts";
import { type Resource, RESOURCE_KINDS } from "./resources.ts";

export function describePlan(desired: Desired, existing: Existing, steps: readonly Step[]): string {
  const kept = [
    ...desired.resources
      .filter((resource) => findExisting(resource, existing.resources) !== undefined)
      .map((resource) => line("exists", `${nameResource(resource)} (${resource.usedAs.join(", ")})`)),
    ...desired.secrets
      .filter(({ name }) => existing.worker.secrets.includes(name))
      .map(({ name }) => line("exists", `secret ${name}, left as it is`)),
  ];
  const planned = steps.map(describeStep);
  const creates = steps.some(({ type }) => type === "create" || type === "add_secret");
  return [...kept, ...planned, ...(creates ? [] : ["  nothing to create"])].join("\n");
}

export function nameResource({ kind, name, jurisdiction }: Resource): string {
  return `${RESOURCE_KINDS[kind].label} ${name}${jurisdiction === undefined ? "" : ` in jurisdiction ${jurisdiction}`}`;
}

function describeStep(step: Step): string {
  switch (step.type) {
    case "refuse":
      return line("missing", step.reason);
    case "create":
      return line("create", `${nameResource(step.resource)} (${step.resource.usedAs.join(", ")})`);
    case "add_secret":
      return line("create", `secret ${step.secret.name}, ${step.secret.purpose}: ${describeSource(step.secret)}`);
    case "deploy": {
      const applications = step.applications.map(({ name, isFirst }) => `${name}${isFirst ? " (new)" : ""}`);
      const containers = applications.length === 0 ? "" : `, container application ${applications.join(", ")}`;
      return line("deploy", `Worker ${step.worker}${step.isFirst ? " (new)" : ""}${containers}`);
    }
    default:
      return assertNever(step);
  }
}

function describeSource({ source, shown }: DesiredSecret): string {
  if (source === "environment") return "taken from the environment variable";
  return shown ? "generated, shown once" : "generated, not shown";
}

function line(verb: string, text: string): string {
  return `  ${verb.padEnd(8)}${text}`;
}

function assertNever(step: never): never {
  throw new Error(`unknown step: ${JSON.stringify(step)}`);
}
