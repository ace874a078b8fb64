/**
 * The planner: what is to be done so that the account holds what the environment needs. Pure, so that the plan that is
 * printed is the plan that is carried out, and so that a second run after any failure plans exactly what is left.
 */
import type { Desired, DesiredSecret } from "./desired.ts";
import type { Resource, ResourceKind } from "./resources.ts";

export interface ExistingResource {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly jurisdiction?: string;
  /** What bindings refer to; for a bucket and a queue that is its name. */
  readonly id: string;
}

export interface Existing {
  readonly worker: { readonly exists: boolean; readonly secrets: readonly string[] };
  readonly resources: readonly ExistingResource[];
  readonly applications: readonly string[];
}

export type Step =
  | { readonly type: "refuse"; readonly reason: string }
  | { readonly type: "create"; readonly resource: Resource }
  | { readonly type: "add_secret"; readonly secret: DesiredSecret }
  | {
      readonly type: "deploy";
      readonly worker: string;
      readonly isFirst: boolean;
      readonly applications: readonly { readonly name: string; readonly isFirst: boolean }[];
    };

export function planDeploy({ desired, existing }: { desired: Desired; existing: Existing }): Step[] {
  const missing = desired.secrets.filter(({ name }) => !existing.worker.secrets.includes(name));
  return [
    ...missing.filter(({ source }) => source === "none").map((secret) => refusal(secret)),
    ...desired.resources
      .filter((resource) => findExisting(resource, existing.resources) === undefined)
      .map((resource) => ({ type: "create", resource }) as const),
    ...missing.filter(({ source }) => source !== "none").map((secret) => ({ type: "add_secret", secret }) as const),
    {
      type: "deploy",
      worker: desired.worker,
      isFirst: !existing.worker.exists,
      applications: desired.applications.map((name) => ({ name, isFirst: !existing.applications.includes(name) })),
    },
  ];
}

export function findExisting(resource: Resource, existing: readonly ExistingResource[]): ExistingResource | undefined {
  return existing.find(
    ({ kind, name, jurisdiction }) =>
      kind === resource.kind && name === resource.name && jurisdiction === resource.jurisdiction,
  );
}

function refusal({ name }: DesiredSecret): Step {
  return {
    type: "refuse",
    reason: `the Worker has no secret ${name} and deploy cannot make one: set the environment variable ${name}`,
  };
}
