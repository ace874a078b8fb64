import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { Desired, DesiredSecret } from "./desired.ts";
import { type Existing, planDeploy, type Step } from "./plan.ts";
import type { Resource } from "./resources.ts";

const bucket: Resource = { kind: "bucket", name: "gantry-registry-staging", usedAs: ["REGISTRY"] };
const dead: Resource = { kind: "queue", name: "gantry-tasks-dead-staging", usedAs: ["dead letters"] };
const tasks: Resource = { kind: "queue", name: "gantry-tasks-staging", usedAs: ["TASKS"] };
const token: DesiredSecret = { name: "GANTRY_ADMIN_TOKEN", purpose: "token", source: "generated", shown: true };

const desired: Desired = {
  worker: "gantry-staging",
  resources: [bucket, dead, tasks],
  secrets: [token],
  applications: ["gantry-instances-staging"],
};
const nothing: Existing = { worker: { exists: false, secrets: [] }, resources: [], applications: [] };

describe("planDeploy", () => {
  it("creates everything in an account that has nothing, then deploys", ({ expect }) => {
    expect(planDeploy({ desired, existing: nothing })).toEqual([
      { type: "create", resource: bucket },
      { type: "create", resource: dead },
      { type: "create", resource: tasks },
      { type: "add_secret", secret: token },
      {
        type: "deploy",
        worker: "gantry-staging",
        isFirst: true,
        applications: [{ name: "gantry-instances-staging", isFirst: true }],
      },
    ]);
  });

  it("only deploys when the account has everything", ({ expect }) => {
    const steps = planDeploy({ desired, existing: afterAll(planDeploy({ desired, existing: nothing })) });
    expect(steps).toEqual([
      {
        type: "deploy",
        worker: "gantry-staging",
        isFirst: false,
        applications: [{ name: "gantry-instances-staging", isFirst: false }],
      },
    ]);
  });

  it("never plans a secret that the Worker has", ({ expect }) => {
    const existing = { ...nothing, worker: { exists: true, secrets: ["GANTRY_ADMIN_TOKEN"] } };
    expect(planDeploy({ desired, existing }).filter(({ type }) => type === "add_secret")).toEqual([]);
  });

  it("takes a bucket of the same name in another jurisdiction for another bucket", ({ expect }) => {
    const existing = {
      ...nothing,
      resources: [{ kind: "bucket", name: bucket.name, jurisdiction: "eu", id: "x" }] as const,
    };
    expect(planDeploy({ desired, existing })).toContainEqual({ type: "create", resource: bucket });
  });

  it("refuses first when a required secret can be had from nowhere", ({ expect }) => {
    const missing: DesiredSecret = { name: "UPSTREAM_KEY", purpose: "required", source: "none", shown: false };
    const [first] = planDeploy({ desired: { ...desired, secrets: [missing, token] }, existing: nothing });
    expect(first).toMatchObject({ type: "refuse", reason: expect.stringContaining("UPSTREAM_KEY") });
  });

  it("plans exactly what is left after a failure at any step", ({ expect }) => {
    const subset = fc.subarray([bucket, dead, tasks]);
    fc.assert(
      fc.property(subset, fc.boolean(), fc.nat(4), (present, hasToken, done) => {
        const existing: Existing = {
          ...nothing,
          resources: present.map((resource) => ({ ...resource, id: resource.name })),
          worker: { exists: hasToken, secrets: hasToken ? [token.name] : [] },
        };
        const steps = planDeploy({ desired, existing });
        const carriedOut = steps.slice(0, done);
        const left = planDeploy({ desired, existing: after(existing, carriedOut) });
        expect([...creates(carriedOut), ...creates(left)]).toEqual(creates(steps));
      }),
    );
  });
});

const creates = (all: readonly Step[]) => all.filter(({ type }) => type === "create");

function afterAll(steps: readonly Step[]): Existing {
  return after(nothing, steps);
}

/** What the account holds when these steps were carried out. Secrets arrive with the deployment. */
function after(existing: Existing, steps: readonly Step[]): Existing {
  const deployed = steps.some(({ type }) => type === "deploy");
  const secrets = steps.flatMap((step) => (step.type === "add_secret" ? [step.secret.name] : []));
  return {
    worker: deployed ? { exists: true, secrets: [...existing.worker.secrets, ...secrets] } : existing.worker,
    resources: [
      ...existing.resources,
      ...steps.flatMap((step) => (step.type === "create" ? [{ ...step.resource, id: step.resource.name }] : [])),
    ],
    applications: deployed ? desired.applications : existing.applications,
  };
}
